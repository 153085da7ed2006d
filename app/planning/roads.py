"""Travel times of one plan, as the planner takes them and labelled leg by leg."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dispatch
from app.core import settings
from routing import (
    EngineFailed,
    Estimate,
    LegCount,
    Matrix,
    NoRoadBetween,
    Place,
    RoutingEngine,
    Traffic,
    Vehicle,
    current_speeds,
)

SOON = timedelta(minutes=10)
_ANYWHERE = (Place(0.0, 0.0), Place(0.01, 0.0))
"""Off every map: the way is an estimate, but the hour's server has to be there to say so."""


@dataclass(frozen=True, slots=True)
class Roads:
    """Seconds between places (`dispatch.UNREACHABLE_S` without a road), and who said so."""

    travel: NDArray[np.int32]
    matrix: Matrix

    def source_of(self, leg: tuple[int, int]) -> str:
        """Who computed one leg: osrm or estimate."""
        return self.matrix.source_of(*leg).value

    def count(self, legs: Sequence[tuple[int, int]]) -> LegCount:
        """The legs by source."""
        if not legs:
            return LegCount()
        rows, columns = np.array(legs, dtype=np.intp).T
        return self.matrix.count_legs_at(rows, columns)


def sources_of(roads: Sequence[Roads], driven: LegCount) -> dict[str, Any]:
    """Where the times of one plan came from: its legs, and all cells of its matrices."""
    cells = sum((each.matrix.count_legs() for each in roads), LegCount())
    return {
        "graph_version": roads[0].matrix.graph_version,
        "hour_bucket": roads[0].matrix.hour_bucket.value,
        "legs": {
            "osrm": driven.osrm,
            "estimate": driven.estimate,
            "unreachable": driven.unreachable,
        },
        "leg_shares": driven.shares(),
        "cell_shares": cells.shares(),
    }


async def keep_ready(engine: RoutingEngine, at: datetime) -> None:
    """Start the servers of this hour, and of the one that may begin soon, before danger asks.

    A table would do no good: remembered cells are answered without a server.
    """
    for depart_at in (at, at + SOON):
        with suppress(EngineFailed, NoRoadBetween):
            await engine.route(_ANYWHERE, depart_at)


def traffic() -> Traffic:
    """The speeds of the company's city and vehicle, by its own clock: those of the map in use."""
    config = settings.current()
    vehicle = Vehicle(config.vehicle)
    return Traffic(current_speeds(config.data_dir / "maps", vehicle), config.zone)


async def roads_between(
    engine: RoutingEngine,
    places: Sequence[Place],
    chains: Iterable[Sequence[int]],
    depart_at: datetime,
) -> Roads:
    """The full matrix; legs of `chains` are estimated where no road leads.

    A crew that has accepted an order drives there somehow, and a plan cannot be made around a
    leg that takes for ever. Raises routing.EngineFailed.
    """
    matrix = await engine.matrix(places, places, depart_at)
    legs = {leg for chain in chains for leg in itertools.pairwise(chain)}
    cut_off = sorted(leg for leg in legs if matrix.unreachable[leg])
    if cut_off:
        matrix = await _bridged(matrix, cut_off, places, depart_at)
    return Roads(_travel(matrix), matrix)


async def extended(
    engine: RoutingEngine,
    roads: Roads,
    places: Sequence[Place],
    more: Sequence[Place],
    depart_at: datetime,
) -> Roads:
    """The same roads with rows and columns for `more` places; what was known stays as it was.

    A plan that was timed on them keeps its times, even when another engine answers by now.
    Raises routing.EngineFailed.
    """
    if not more:
        return roads
    down = await engine.matrix(more, [*places, *more], depart_at)
    across = await engine.matrix(places, more, depart_at)

    def grown(cells: Callable[[Matrix], NDArray[Any]]) -> NDArray[Any]:
        return np.block([[np.hstack([cells(roads.matrix), cells(across)])], [cells(down)]])

    matrix = replace(
        roads.matrix,
        seconds=grown(lambda each: each.seconds),
        unreachable=grown(lambda each: each.unreachable),
        estimated=grown(lambda each: each.estimated),
    )
    return Roads(_travel(matrix), matrix)


def _travel(matrix: Matrix) -> NDArray[np.int32]:
    return np.where(matrix.unreachable, dispatch.UNREACHABLE_S, matrix.seconds).astype(np.int32)


async def _bridged(
    matrix: Matrix, legs: Sequence[tuple[int, int]], places: Sequence[Place], depart_at: datetime
) -> Matrix:
    guess = Estimate(traffic())
    seconds, unreachable, estimated = (
        matrix.seconds.copy(),
        matrix.unreachable.copy(),
        matrix.estimated.copy(),
    )
    for row, column in legs:
        leg = await guess.matrix([places[row]], [places[column]], depart_at)
        seconds[row, column] = leg.seconds[0, 0]
        unreachable[row, column] = False
        estimated[row, column] = True
    return replace(matrix, seconds=seconds, unreachable=unreachable, estimated=estimated)
