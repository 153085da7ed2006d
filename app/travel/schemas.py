"""Arrivals, reach and drives on the wire."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from app.core import clock
from app.core.geo import PlaceOut
from app.organisation.models import Crew
from app.travel.models import Drive
from app.travel.reach import From, Reach, Reached
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


class ReachStartOut(Out):
    """Where a drive can begin."""

    kind: Literal["station", "crew"]
    id: UUID
    code: str
    place: PlaceOut
    at: datetime | None
    """When the crew was measured there; null for a station."""

    @classmethod
    def of(cls, start: From) -> Self:
        place = PlaceOut(lon=start.place.lon, lat=start.place.lat)
        return cls(kind=start.kind, id=start.id, code=start.code, place=place, at=start.at)


class PointOut(Out):
    """A GeoJSON point: longitude, latitude."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class CommunityReachOut(Out):
    """How a community is reached."""

    community_id: UUID
    name: str
    district: str
    customers: int
    """A customer with several premises counts at each."""
    buildings: int
    seconds: int | None
    """The drive from the nearest start; null when no road leads there."""
    within: bool
    start_kind: Literal["station", "crew"] | None
    start_code: str | None
    source: Source | None


class CommunityFeatureOut(Out):
    """A community at its middlemost building."""

    type: Literal["Feature"] = "Feature"
    geometry: PointOut
    properties: CommunityReachOut

    @classmethod
    def of(cls, reached: Reached, limit_s: int) -> Self:
        row, start = reached.community, reached.start
        return cls.model_validate(
            {
                "geometry": {"coordinates": reached.place},
                "properties": {
                    "community_id": row.id,
                    "name": row.name,
                    "district": row.district,
                    "customers": row.customers,
                    "buildings": row.buildings,
                    "seconds": reached.seconds,
                    "within": reached.seconds is not None and reached.seconds <= limit_s,
                    "start_kind": start.kind if start else None,
                    "start_code": start.code if start else None,
                    "source": reached.source,
                },
            }
        )


class CommunitiesOut(Out):
    """GeoJSON for a map."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[CommunityFeatureOut]


class ReachSourcesOut(Out):
    """The drives to the communities by who computed them."""

    osrm: int
    estimate: int
    unreachable: int


class LeftOutOfReachOut(Out):
    """What was beyond the size of one question; the smallest communities go first."""

    communities: int
    customers: int


class ReachOut(Out):
    """Who can be reached within `minutes`, by the drive alone."""

    station_id: UUID
    minutes: int
    depart_at: datetime
    hour_bucket: Bucket | None
    graph_version: str | None
    sources: ReachSourcesOut
    starts: list[ReachStartOut]
    customers: int
    customers_within: int
    share_within: float | None
    unreachable: list[str]
    """Communities that no road leads to."""
    left_out: LeftOutOfReachOut
    communities: CommunitiesOut

    @classmethod
    def of(cls, station_id: UUID, minutes: int, found: Reach) -> Self:
        features = [CommunityFeatureOut.of(each, minutes * 60) for each in found.communities]
        each = [feature.properties for feature in features]
        customers = sum(one.customers for one in each)
        within = sum(one.customers for one in each if one.within)
        return cls.model_validate(
            {
                "station_id": station_id,
                "minutes": minutes,
                "depart_at": found.depart_at,
                "hour_bucket": found.hour_bucket,
                "graph_version": found.graph_version,
                "sources": ReachSourcesOut.model_validate(found.legs),
                "starts": [ReachStartOut.of(start) for start in found.starts],
                "customers": customers,
                "customers_within": within,
                "share_within": round(within / customers, 4) if customers else None,
                "unreachable": [one.name for one in each if one.seconds is None],
                "left_out": LeftOutOfReachOut(
                    communities=found.communities_left_out,
                    customers=found.customers_left_out,
                ),
                "communities": CommunitiesOut(features=features),
            }
        )


class DriveOut(Out):
    """A drive: matched positions, or the map's way to a visit."""

    kind: Literal["positions", "visit"]
    order_id: UUID | None
    """The order that the crew was on its way to."""
    started_at: datetime
    ended_at: datetime
    metres: int
    road_s: float
    """What the map thinks that it takes at that hour."""
    taken_s: float
    source: Source
    graph_version: str
    hour_bucket: Bucket


class CrewDrivesOut(Out):
    """A crew's day on the road."""

    crew_id: UUID
    crew_code: str
    day: date
    metres: int
    """As measured by the phones; ways to visits are shown, and not counted again."""
    drives: list[DriveOut]

    @classmethod
    def of(cls, crew: Crew, day: date, drives: list[Drive]) -> Self:
        return cls(
            crew_id=crew.id,
            crew_code=crew.code,
            day=day,
            metres=sum(drive.metres for drive in drives if drive.kind == "positions"),
            drives=[DriveOut.model_validate(drive) for drive in drives],
        )
