"""Positions on the wire."""

from collections import defaultdict
from typing import Annotated

from pydantic import Field

from app.core.geo import PlaceIn
from app.core.times import Moment
from app.organisation.positions import Fix
from app.web.wire import Body, Out
from routing import Datum, to_wgs84


class FixIn(Body):
    """One measurement."""

    at: Moment
    """The phone's own clock when it was measured; the server corrects it by the measured skew."""
    place: PlaceIn
    accuracy_m: float = Field(ge=0, le=100_000, allow_inf_nan=False)
    """Radius in metres that the system gave; worse than 500 is not kept."""
    mocked: bool = False
    """The system said that another app supplies the position."""


class PositionsIn(Body):
    """What was measured since the last report; the same fix may come again."""

    sent_at: Moment | None = None
    """The phone's own clock as it sends. A phone whose clock no sync has measured yet is corrected
    by it; without either its clock is believed."""
    fixes: Annotated[list[FixIn], Field(min_length=1, max_length=500)]

    def measured(self) -> list[Fix]:
        """In WGS-84, in the order given."""
        by_datum: dict[Datum, list[int]] = defaultdict(list)
        for number, each in enumerate(self.fixes):
            by_datum[each.place.datum].append(number)
        places: dict[int, tuple[float, float]] = {}
        for datum, numbers in by_datum.items():
            lon, lat = to_wgs84(
                [self.fixes[number].place.lon for number in numbers],
                [self.fixes[number].place.lat for number in numbers],
                datum,
            )
            pairs = zip(lon.tolist(), lat.tolist(), strict=True)
            places |= dict(zip(numbers, pairs, strict=True))
        return [
            Fix(each.at, *places[number], each.accuracy_m, each.mocked)
            for number, each in enumerate(self.fixes)
        ]


class RefusedFixesOut(Out):
    """How many fixes were not kept, by the first reason that holds."""

    future: int = 0
    """More than 60 s after the server's time."""
    too_old: int = 0
    """More than 48 h before it."""
    inaccurate: int = 0
    """Worse than 500 m."""
    off_shift: int = 0
    """Measured while not clocked in."""


class PositionsOut(Out):
    """Every fix is counted once, and none need be sent again."""

    stored: int
    repeated: int
    """Sent before, or twice in this batch."""
    refused: RefusedFixesOut
