"""The contract of every travel-time engine, and how it may fail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from routing.answers import Fix, Matrix, Route, Snap, Trace
from routing.places import Place


class RoutingError(Exception):
    """Something in routing went wrong; the subclasses say what."""


class EngineFailed(RoutingError):
    """The engine gave no answer, or one that cannot be believed; another may be asked."""


class NoRoadBetween(RoutingError):
    """The engine works, and there is no road from one of the places to the next."""


class RoutingEngine(Protocol):
    """Travel times between WGS-84 places. `depart_at` carries an offset and picks the traffic.

    All methods raise EngineFailed when the engine is out of order and ValueError for places that
    are not on the earth or times without offset.
    """

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        """Say where each point joins the roads."""
        ...

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Give seconds from every source to every target, shape [len(sources), len(targets)]."""
        ...

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Give the drive through at least two points in order; raises NoRoadBetween."""
        ...

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Find the drive behind two or more fixes in order of time; the first picks the hour."""
        ...
