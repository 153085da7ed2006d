"""Service levels on the wire."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Row

from app.board.policy import Figure, Promise, Tally
from app.catalogue.models import ServiceProfile
from app.web.wire import Out


class TallyOut(Out):
    """Measures in one of the two times."""

    mean_s: int | None
    p50_s: int | None
    """Half took no longer; always a time that was measured."""
    p90_s: int | None
    within: int
    late: int
    """Later than the limit: fulfilled late, given up late, or running and late already."""
    share: float | None
    """within ÷ (within + late)."""

    @classmethod
    def of(cls, tally: Tally) -> Self:
        return cls.model_validate(tally)


class PromiseOut(Out):
    """One limit under which some of the runs fall."""

    kind: str
    """cap: each run; average: the mean of all."""
    limit_s: int
    n: int
    net: TallyOut
    gross: TallyOut
    kept_net: bool | None
    kept_gross: bool | None

    @classmethod
    def of(cls, promise: Promise) -> Self:
        return cls(
            kind=promise.kind,
            limit_s=promise.limit_s,
            n=promise.n,
            net=TallyOut.of(promise.net),
            gross=TallyOut.of(promise.gross),
            kept_net=promise.kept(promise.net),
            kept_gross=promise.kept(promise.gross),
        )


class FigureOut(Out):
    """One clock's service level; what is null was not grouped by."""

    period: str | None
    """The first day of the day, week or month in which the order was reported."""
    station_id: UUID | None
    service_class: str | None
    clock: str
    """K1 dispatch, K2 accept, K3 contact, K4 arrival, K5 restoration, K6 total, K7 review, K8
    call-back, SAFE made safe."""
    n: int
    """Runs that what they wait for ended."""
    net: TallyOut
    """Without the pauses that the hold table allows, and from the slot the customer wished for."""
    gross: TallyOut
    """From start to end, as the customer lived it."""
    running: int
    left_out: int
    """Cut off in time by something else: a hold, a withdrawal, a cancellation."""
    promises: list[PromiseOut]

    @classmethod
    def of(cls, figure: Figure) -> Self:
        return cls(
            period=figure.period,
            station_id=UUID(figure.station_id) if figure.station_id else None,
            service_class=figure.service_class,
            clock=figure.clock,
            n=figure.n,
            net=TallyOut.of(figure.net),
            gross=TallyOut.of(figure.gross),
            running=figure.running,
            left_out=figure.left_out,
            promises=[PromiseOut.of(each) for each in figure.promises],
        )


class JudgeOut(Out):
    """The profile whose limits judge, with what has to be said of it: a lead, not law."""

    name: str
    effective_from: date
    source: str
    note: str
    """Check the current text before you rely on it."""
    reference: bool

    @classmethod
    def of(cls, profile: ServiceProfile) -> Self:
        return cls.model_validate(profile, from_attributes=True, extra="ignore")


class ServiceLevelsOut(Out):
    """Proof of service over some days, by the limits of a profile."""

    since: date
    until: date
    profile: str | None
    """Null: each order by the profile that it was taken under."""
    judged_by: list[JudgeOut]
    """The profiles that were asked for, or that orders may have been taken under."""
    measured_at: datetime
    figures: list[FigureOut]


class RunOut(Out):
    """One run of one clock of one order: what a figure is made of."""

    order_id: UUID
    serial: str
    station_id: UUID
    service_class: str
    domain: str
    zone: str
    reported_at: datetime
    clock: str
    span: int
    started_at: datetime
    stopped_at: datetime | None
    stopped_by: str | None
    done: bool
    """Ended by what it waits for."""
    gross_s: int
    net_s: int
    limit_s: int | None
    kind: str | None
    late_net: bool | None
    """Null when it does not count: no limit, or neither ended nor late."""
    late_gross: bool | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls.model_validate(row)
