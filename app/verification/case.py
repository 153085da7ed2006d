"""All that is stored about one order, and what is the same for all of them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Uuid, and_, any_, literal, true
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.holidays import DayType, day_type
from app.catalogue.models import FaultCode, ServiceLimit, ServicePolicy
from app.catalogue.working_time import Limit
from app.completions.contributions import Contribution
from app.completions.models import CompletionRecord, Review
from app.core import settings
from app.evidence.models import EvidenceFile
from app.identity.models import ApiKey, User
from app.organisation.models import CrewMember, Technician
from app.payouts.models import LedgerEntry, LedgerStanding, RateCard
from app.revisits.models import Revisit
from app.verification.payground import PayGround, read_pay
from app.verification.reading import rows
from app.work_orders.models import (
    Approval,
    Assignment,
    OrderClock,
    ReplyDuty,
    WorkOrder,
    WorkOrderEvent,
)

CHUNK = 400
"""Orders per round of reads; bounds the memory."""


@dataclass(frozen=True, slots=True)
class Company:
    """People, crews and catalogue, read once."""

    faults: dict[UUID, FaultCode]
    limits: dict[tuple[UUID, str, str, str], dict[str, Limit]]
    """(profile, class, domain, zone) -> clock -> limit."""
    policies: dict[str, dict[str, Any]]
    """Policy -> its hold table, by reason."""
    members: dict[UUID, list[CrewMember]]
    technician_of: dict[UUID, UUID]
    """User -> technician."""
    users: frozenset[UUID]
    keys: frozenset[UUID]
    cards: Sequence[RateCard]
    zone: ZoneInfo
    """Where the company works: local days and months."""
    pay: PayGround
    days: dict[date, DayType] = field(default_factory=dict)

    def day_type(self, day: date) -> DayType:
        """What a local day is, looked up once; raises HolidaysUnknown and HolidaysInvalid."""
        if day not in self.days:
            self.days[day] = day_type(day)
        return self.days[day]

    def in_crew(self, crew_id: UUID, technician_id: UUID, *instants: datetime) -> list[CrewMember]:
        """The technician's memberships of the crew that hold at any of `instants`."""
        return [
            member
            for member in self.members.get(crew_id, ())
            if member.technician_id == technician_id
            and any(
                member.since <= at and (member.until is None or at <= member.until)
                for at in instants
            )
        ]


@dataclass(frozen=True, slots=True)
class Case:
    """One order's rows, each list in its natural order."""

    order: WorkOrder
    events: Sequence[WorkOrderEvent]
    assignments: Sequence[Assignment]
    clocks: Sequence[OrderClock]
    approvals: Sequence[Approval]
    duties: Sequence[ReplyDuty]
    records: Sequence[CompletionRecord]
    contributions: Sequence[Contribution]
    reviews: Sequence[Review]
    revisits: Sequence[Revisit]
    files: Sequence[EvidenceFile]
    entries: Sequence[LedgerEntry]
    standings: Sequence[LedgerStanding]

    def done(self, *actions: str) -> list[WorkOrderEvent]:
        """The events of these actions."""
        return [event for event in self.events if event.action in actions]


async def read_company(session: AsyncSession) -> Company:
    limits: dict[tuple[UUID, str, str, str], dict[str, Limit]] = defaultdict(dict)
    for each in await rows(session, ServiceLimit):
        key = (each.profile_id, each.service_class, each.domain, each.zone)
        limits[key][each.clock] = Limit(each.limit_s, each.calendar)
    people = await rows(session, Technician)
    return Company(
        faults={each.id: each for each in await rows(session, FaultCode)},
        limits=dict(limits),
        policies={str(each.id): each.rules["holds"] for each in await rows(session, ServicePolicy)},
        members=_grouped(await rows(session, CrewMember), "crew_id"),
        technician_of={each.user_id: each.id for each in people},
        users=frozenset(each.id for each in await rows(session, User)),
        keys=frozenset(each.id for each in await rows(session, ApiKey)),
        cards=await rows(session, RateCard),
        zone=settings.current().zone,
        pay=await read_pay(session),
    )


def _grouped[M: SQLModel](found: Sequence[M], by: str) -> dict[Any, list[M]]:
    groups: dict[Any, list[M]] = defaultdict(list)
    for each in found:
        groups[getattr(each, by)].append(each)
    return dict(groups)


async def read_cases(
    session: AsyncSession,
    *,
    after: UUID | None = None,
    until: UUID | None = None,
    events: Collection[str] = (),
) -> AsyncIterator[Case]:
    """Orders behind `after` up to `until` in the order of their ids, a few reads per `CHUNK`.

    With `events` only those actions are read, and only the rows that pay rests on.
    """
    while True:
        only = OF_PAY[WorkOrder] if events else ()
        orders = await _orders(session, after, until, only)
        if not orders:
            return
        for case in await _cases(session, orders, events):
            yield case
        after = orders[-1].id


async def _orders(
    session: AsyncSession, after: UUID | None, until: UUID | None, only: Collection[str]
) -> Sequence[WorkOrder]:
    where = [col(WorkOrder.id) > after] if after is not None else []
    where += [col(WorkOrder.id) <= until] if until is not None else []
    wanted = and_(true(), *where)
    return await rows(session, WorkOrder, wanted, col(WorkOrder.id), limit=CHUNK, only=only)


OF_PAY: dict[type[SQLModel], tuple[str, ...]] = {
    WorkOrder: ("id", "serial", "zone", "domain", "building_id", "fault_code_id"),
    WorkOrderEvent: ("id", "order_id", "seq", "action", "assignment_id", "at", "payload"),
    Assignment: ("id", "order_id", "crew_id"),
    CompletionRecord: (
        *("id", "order_id", "attempt", "assignment_id", "completed_by", "done_at", "outcome"),
        "shares",
    ),
    LedgerEntry: (),
    LedgerStanding: ("entry_id", "standing", "at"),
}
"""What pay rests on: tables, and their columns where not all are needed."""


async def _cases(
    session: AsyncSession, orders: Sequence[WorkOrder], actions: Collection[str]
) -> list[Case]:
    ids = [order.id for order in orders]

    async def of[M: SQLModel](model: type[M], order_id: Any, *order: Any) -> dict[UUID, list[M]]:
        if actions and model not in OF_PAY:
            return {}
        where: ColumnElement[bool] = col(order_id) == any_(literal(ids, ARRAY(Uuid)))
        if actions and model is WorkOrderEvent:
            where = and_(where, col(WorkOrderEvent.action).in_(actions))
        only = OF_PAY[model] if actions else ()
        return _grouped(await rows(session, model, where, *order, only=only), "order_id")

    E, A, C = WorkOrderEvent, Assignment, OrderClock
    events = await of(E, E.order_id, E.order_id, E.seq)
    assignments = await of(A, A.order_id, A.assigned_at, A.id)
    clocks = await of(C, C.order_id, C.clock, C.span)
    approvals = await of(Approval, Approval.order_id, Approval.requested_at, Approval.id)
    duties = await of(ReplyDuty, ReplyDuty.order_id, ReplyDuty.opened_at, ReplyDuty.id)
    records = await of(CompletionRecord, CompletionRecord.order_id, CompletionRecord.attempt)
    noted = await of(Contribution, Contribution.order_id, Contribution.id)
    reviews = await of(Review, Review.order_id, Review.reviewed_at)
    revisits = await of(Revisit, Revisit.order_id, Revisit.attempt)
    files = await of(EvidenceFile, EvidenceFile.order_id, EvidenceFile.id)
    entries = await of(LedgerEntry, LedgerEntry.order_id, LedgerEntry.id)
    standings = await _standings(session, entries, of_pay=bool(actions))
    return [
        Case(
            order=order,
            events=events.get(order.id, []),
            assignments=assignments.get(order.id, []),
            clocks=clocks.get(order.id, []),
            approvals=approvals.get(order.id, []),
            duties=duties.get(order.id, []),
            records=records.get(order.id, []),
            contributions=noted.get(order.id, []),
            reviews=reviews.get(order.id, []),
            revisits=revisits.get(order.id, []),
            files=files.get(order.id, []),
            entries=entries.get(order.id, []),
            standings=[
                row for entry in entries.get(order.id, []) for row in standings.get(entry.id, [])
            ],
        )
        for order in orders
    ]


async def _standings(
    session: AsyncSession, entries: Mapping[UUID, Sequence[LedgerEntry]], *, of_pay: bool
) -> dict[int | None, list[LedgerStanding]]:
    """Entry -> what became of it; `of_pay` only when earnings were confirmed.

    The marks of locked and settled months are counted by `check_standings`.
    """
    paid = [
        entry.id
        for each in entries.values()
        for entry in each
        if not of_pay or entry.kind == "EARN"
    ]
    where = col(LedgerStanding.entry_id) == any_(literal(paid, ARRAY(BigInteger)))
    if of_pay:
        where = and_(where, col(LedgerStanding.standing) == "confirmed")
    only = OF_PAY[LedgerStanding] if of_pay else ()
    return _grouped(await rows(session, LedgerStanding, where, only=only), "entry_id")
