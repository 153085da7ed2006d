"""Remembers travel times between runs, so that k new orders cost one question.

A plan is made again every few minutes for nearly the same places. Each square matrix is kept as a
*sheet*: one file with the places and all seconds between them, per graph version and hour bucket.
The next question takes the sheet that shares most of its places, asks only for the new ones (their
rows and columns) and writes a new sheet. Files are written whole and renamed, so the planning
workers of a machine share them through the page cache; the ones used longest ago go first when
`max_bytes` is passed.

Places are told apart at a millionth of a degree, as finely as OSRM itself sees them: the same key
is the same question, so a remembered answer is never of another place (docs/adr/0005).
"""

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from routing.answers import Matrix
from routing.osrm_roads import Dataset, all_of
from routing.osrm_table import LabelledCells
from routing.places import Place, coordinates

LARGEST: Final = 4_000
"""Places of a sheet; 4,000 take 80 MB."""
SMALLEST: Final = 150
"""Fewer places are asked whole: that costs some milliseconds, and would push out what is dear."""
MOST_SHEETS: Final = 256
"""Each question looks into every sheet of its map and hour."""
_WORTH: Final = 0.5
"""A sheet that knows a smaller share of the places saves nothing: rows and columns cost extra."""
_REPLACED: Final = 0.8
"""A sheet with this share of its places in the new one will not be asked for again."""
_SUFFIX: Final = ".sheet"
_UNFINISHED: Final = ".fresh-"

type Keys = NDArray[np.int64]


def place_keys(points: NDArray[np.float64]) -> Keys:
    """Give one number per lon/lat pair [n, 2], equal where OSRM sees the same place."""
    micro = np.rint(points * 1e6).astype(np.int64)
    keys: Keys = (micro[:, 0] + 180_000_000) * 1_000_000_000 + micro[:, 1] + 90_000_000
    return keys


async def answer_matrix(
    data: Dataset, sources: Sequence[Place], targets: Sequence[Place], cache: "MatrixCache | None"
) -> Matrix:
    """Give the matrix from `data`; a square one with the help of what is remembered."""
    rows, columns = coordinates(sources), coordinates(targets)
    if cache is not None and np.array_equal(rows, columns):
        cells = await cache.cells(data, rows)
    else:
        cells = await data.cells(rows, columns)
    return await asyncio.to_thread(data.matrix, cells)  # it looks at every cell


@dataclass(slots=True)
class MatrixCache:
    """Sheets of `smallest` places and more under `folder`, at most `max_bytes` of them in all."""

    folder: Path
    max_bytes: int = 256_000_000
    smallest: int = SMALLEST
    _known: dict[Path, Keys] = field(default_factory=dict, init=False)
    _files: threading.Lock = field(default_factory=threading.Lock, init=False)

    async def cells(self, data: Dataset, points: NDArray[np.float64]) -> LabelledCells:
        """Give the cells between all points [n, 2], asking `data` only for what is new.

        Everything that grows with the matrix is done in threads: the event loop must breathe.
        """
        keys, first, again = np.unique(place_keys(points), return_index=True, return_inverse=True)
        if not self.smallest <= len(keys) <= LARGEST:
            return await data.cells(points, points)
        places, shelf = points[first], self.folder / data.memory_name
        sheet = await asyncio.to_thread(self._best, shelf, keys)
        if sheet is None:
            cells = await data.cells(places, places)
        else:
            cells, new = await asyncio.to_thread(_known_part, keys, sheet)
            if len(new):
                had = np.setdiff1d(np.arange(len(keys)), new, assume_unique=True)
                rows, columns = await all_of(
                    [data.cells(places[new], places), data.cells(places[had], places[new])]
                )
                await asyncio.to_thread(_fill, cells, rows, columns, had, new)
        if sheet is None or len(new):
            await asyncio.to_thread(self._keep, shelf, keys, cells, sheet)
        return await asyncio.to_thread(_reordered, cells, again)

    def _best(self, shelf: Path, keys: Keys) -> "_Sheet | None":
        """Find the sheet that knows most of the places, if it knows enough of them."""
        best, most = None, _WORTH * len(keys)
        with self._files:
            for path in _sheets(shelf):
                if path not in self._known:
                    with _damaged_goes(path), path.open("rb") as file:
                        self._known[path] = np.load(file)
                held = self._known.get(path, keys[:0])
                share = int(np.isin(keys, held, assume_unique=True).sum())
                if share > most:
                    best, most = path, share
        return _read(best) if best is not None else None

    def _keep(self, shelf: Path, keys: Keys, cells: LabelledCells, grown: "_Sheet | None") -> None:
        """Write a sheet; a full disk costs the memory, not the answer."""
        with contextlib.suppress(OSError), self._files:
            shelf.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=shelf, prefix=_UNFINISHED)
            path = Path(name)
            try:
                with os.fdopen(handle, "wb") as file:
                    for array in (keys, *cells.arrays):
                        np.save(file, array, allow_pickle=False)
                path.rename(path.with_name(path.name.removeprefix(_UNFINISHED) + _SUFFIX))
            finally:
                path.unlink(missing_ok=True)
            if grown is not None and np.isin(grown.keys, keys).mean() >= _REPLACED:
                grown.path.unlink(missing_ok=True)
            self._make_room()

    def _make_room(self) -> None:
        """Let go what was used longest ago; another worker may be doing the same.

        What a killed worker left half-written counts too, and is the first to go when it is old.
        """
        sheets = []
        for path in (*self.folder.rglob(f"*{_SUFFIX}"), *self.folder.rglob(f"{_UNFINISHED}*")):
            with contextlib.suppress(FileNotFoundError):
                sheets.append((path.stat(), path))
        total = sum(about.st_size for about, _ in sheets)
        sheets.sort(key=lambda each: each[0].st_mtime_ns)
        for number, (about, path) in enumerate(sheets):
            if total <= self.max_bytes and len(sheets) - number <= MOST_SHEETS:
                break
            path.unlink(missing_ok=True)
            total -= about.st_size
        self._known = {path: keys for path, keys in self._known.items() if path.exists()}


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Rising keys, and the cells between their places."""

    path: Path
    keys: Keys
    cells: LabelledCells


def _known_part(keys: Keys, sheet: _Sheet) -> tuple[LabelledCells, NDArray[np.intp]]:
    """Give the cells that the sheet knows, and the numbers of the places that it does not."""
    at = np.minimum(np.searchsorted(sheet.keys, keys), len(sheet.keys) - 1)
    known = sheet.keys[at] == keys
    had = np.flatnonzero(known)
    cells = LabelledCells.empty(len(keys), len(keys))
    for mine, old in zip(cells.arrays, sheet.cells.arrays, strict=True):
        mine[np.ix_(had, had)] = old[np.ix_(at[had], at[had])]
    return cells, np.flatnonzero(~known)


def _fill(
    cells: LabelledCells,
    rows: LabelledCells,
    columns: LabelledCells,
    had: NDArray[np.intp],
    new: NDArray[np.intp],
) -> None:
    """Put in what was asked: whole rows of new places, and their columns to the others."""
    for mine, row, column in zip(cells.arrays, rows.arrays, columns.arrays, strict=True):
        mine[new, :] = row
        mine[np.ix_(had, new)] = column


def _reordered(cells: LabelledCells, again: NDArray[np.intp]) -> LabelledCells:
    """Put the places back into the order in which they were asked."""
    order = np.ix_(again, again)
    return LabelledCells(*(array[order] for array in cells.arrays))


def _sheets(shelf: Path) -> Sequence[Path]:
    return sorted(shelf.glob(f"*{_SUFFIX}")) if shelf.is_dir() else []


def _read(path: Path) -> _Sheet | None:
    with _damaged_goes(path), path.open("rb") as file:
        keys, *arrays = (np.load(file, allow_pickle=False) for _ in range(4))
        os.utime(path)
        return _Sheet(path, keys, LabelledCells(*arrays))
    return None


@contextlib.contextmanager
def _damaged_goes(path: Path) -> Iterator[None]:
    """Forget a sheet that cannot be read: it was evicted meanwhile, or the disk hurt it."""
    try:
        yield
    except (OSError, ValueError, EOFError):
        path.unlink(missing_ok=True)
