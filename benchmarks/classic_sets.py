"""Solomon's and Gehring and Homberger's instances: one depot, capacities, windows, distance.

Distances follow the convention of the best known values beside them: Euclidean, cut to one decimal.
Everything is counted in tenths, so that it is whole.
"""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Classic(NamedTuple):
    """One instance; row 0 is the depot; times and distances in tenths."""

    name: str
    best_known: float
    """In whole units, as published."""
    vehicles: int
    capacity: int
    travel: Any
    """int32, times and distances alike."""
    demands: list[int]
    windows: list[tuple[int, int]]
    services: list[int]

    def gap(self, routes: Sequence[Sequence[int]]) -> float:
        """How far the routes' distance lies above the best known, 0.01 being 1 %.

        Raises ValueError when a customer is missing or twice, or a rule is broken.
        """
        if len(routes) > self.vehicles:
            raise ValueError(f"{self.name}: {len(routes)} routes, {self.vehicles} vehicles")
        if sorted(itertools.chain(*routes)) != list(range(1, len(self.demands))):
            raise ValueError(f"{self.name}: not every customer is visited once")
        total = sum(self._driven(route) for route in routes)
        return total / 10 / self.best_known - 1

    def _driven(self, route: Sequence[int]) -> int:
        if sum(self.demands[each] for each in route) > self.capacity:
            raise ValueError(f"{self.name}: overloaded {route}")
        now, driven = self.windows[0][0], 0
        for here, there in itertools.pairwise([0, *route, 0]):
            leg = int(self.travel[here, there])
            now = max(now + self.services[here] + leg, self.windows[there][0])
            driven += leg
            if now > self.windows[there][1]:
                raise ValueError(f"{self.name}: {there} is reached too late in {route}")
        return driven


def classic_sets(folder: Path, kind: str) -> list[Classic]:
    """Return the instances of `folder`/`kind` that have a best known value, by name."""
    with (folder / "bks_dimacs.csv").open(encoding="utf-8", newline="") as rows:
        best = {
            Path(row["file"]).name: float(row["bks_dimacs_distance"])
            for row in csv.DictReader(rows)
            if Path(row["file"]).parent.name == kind
        }
    files = sorted((folder / kind).iterdir())
    return [_read(file, best[file.name]) for file in files if file.name in best]


def _read(file: Path, best_known: float) -> Classic:
    rows = [line.split() for line in file.read_text("utf-8").splitlines()]
    numbers = [[int(float(cell)) for cell in row] for row in rows if row and row[0].isdigit()]
    (vehicles, capacity), stops = numbers[0], np.array(numbers[1:], dtype=np.int64)
    xy = stops[:, 1:3].astype(np.float64)
    far = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    return Classic(
        name=file.stem.upper(),
        best_known=best_known,
        vehicles=vehicles,
        capacity=capacity,
        # A hair is added so that 5.0 computed as 4.99999 stays 5.0.
        travel=np.floor(10 * far + 1e-9).astype(np.int32),
        demands=stops[:, 3].tolist(),
        windows=[(10 * int(a), 10 * int(b)) for a, b in stops[:, 4:6]],
        services=(10 * stops[:, 6]).tolist(),
    )
