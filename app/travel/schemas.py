"""Arrivals, reach and drives on the wire."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from app.core import clock
from app.core.geo import PlaceOut
from app.web.wire import Out
from app.work_orders.models import WorkOrder
from app.work_orders.states import State

Source = Literal["osrm", "estimate"]
Bucket = Literal["night", "morning_peak", "day", "evening_peak"]


class StartOut(Out):
    """Where the crew's way begins, and how old that knowledge is."""

    kind: Literal["position", "on_site", "last_visit", "station"]
    """A measured position, the work that runs, the visit before, or the station without either."""
    place: PlaceOut
    at: datetime | None
    age_s: int | None


class EtaOut(Out):
    """When the crew arrives: nine times in ten after `earliest_at`, and before `latest_at`."""

    order_id: UUID
    state: State
    crew_id: UUID
    crew_code: str
    arrive_at: datetime
    earliest_at: datetime
    """10th percentile."""
    latest_at: datetime
    """90th percentile."""
    depart_at: datetime
    """When the crew set out, or will."""
    stops_before: int
    """Orders that the crew sees to before this one."""
    arrive_by: datetime | None
    """The service limit of the arrival."""
    from_: StartOut = Field(serialization_alias="from")
    source: Source
    """`estimate` when any drive before the arrival was not computed on roads."""
    graph_version: str
    hour_bucket: Bucket
    computed_at: datetime

    @classmethod
    def of(cls, order: WorkOrder, row: Any) -> Self:
        age_s = None
        if row.start_at is not None:
            age_s = max(0, int((clock.now() - row.start_at).total_seconds()))
        return cls.model_validate(
            {
                **row._mapping,
                "state": order.state,
                "arrive_by": order.arrive_by,
                "from_": StartOut(
                    kind=row.start_kind,
                    place=PlaceOut(lon=row.start_lon, lat=row.start_lat),
                    at=row.start_at,
                    age_s=age_s,
                ),
            }
        )
