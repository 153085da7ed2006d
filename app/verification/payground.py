"""What pay rests on beyond one order: crews' stays in buildings, reworks, decisions, months."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.models import CompletionRecord, Review
from app.payouts.models import PayAdjustment, PayAppeal, PayFinding, PayMonthAct
from app.revisits.models import ReworkCase
from app.verification.reading import rows

OPEN_STEPS = frozenset({"draft"})


class Stay(NamedTuple):
    """A crew's presence in a building for one order."""

    at: datetime
    order_id: UUID
    serial: str
    event_id: int
    """Of the arrival; `ended_id` of what ended it."""
    ended_at: datetime | None
    ended_by: str | None
    ended_id: int | None


@dataclass(frozen=True, slots=True)
class PayGround:
    """Read once; maps are by order, or by what their comments say."""

    stays: Mapping[tuple[UUID, UUID], list[Stay]]
    """(crew, building) -> by arrival."""
    repeats: Mapping[UUID, ReworkCase]
    """Repetition -> its case."""
    repeated: Mapping[UUID, list[ReworkCase]]
    """Original -> the cases about it."""
    originals: Mapping[UUID, UUID]
    """Case -> the order that was paid for the repair in question, as events and call-backs say."""
    sharers: Mapping[UUID, frozenset[UUID]]
    """Repeated order -> who shared its passed record."""
    findings: Mapping[UUID, list[PayFinding]]
    adjustments: Mapping[UUID, list[PayAdjustment]]
    appeals: Mapping[int, PayAppeal]
    """Entry -> the appeal against it."""
    acts: list[PayMonthAct]
    published: Mapping[str, datetime]
    """Month -> since when it takes no more than what its appeals decide."""

    def closed(self, month: str, at: datetime, *, at_once: bool) -> bool:
        """Whether a month was published by then; `at_once` decides acts of the same instant."""
        published = self.published.get(month)
        return published is not None and (published < at or (at_once and published == at))

    def months(self, wanted: str, at: datetime) -> set[str]:
        """Where a line of `wanted` that was written at `at` belongs: there, or the next open."""
        return {self._open(wanted, at, at_once=flag) for flag in (True, False)}

    def still_open(self, month: str, at: datetime) -> set[str]:
        """The month, unless it was locked before."""
        locked = any(a.month == month and a.act == "locked" and a.at < at for a in self.acts)
        return set() if locked else {month}

    def _open(self, month: str, at: datetime, *, at_once: bool) -> str:
        while self.closed(month, at, at_once=at_once):
            year, number = (int(part) for part in month.split("-"))
            month = f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02d}"
        return month

    def first_of_trip(
        self, stay_of: tuple[UUID, UUID], order_id: UUID, arrived: Any, known: int, minutes: int
    ) -> str | None:
        """The serial of the stay that this arrival only prolongs, as it was known then."""
        found = None
        for stay in self.stays.get(stay_of, ()):
            if stay.order_id == order_id or stay.event_id >= known:
                continue
            if (stay.at, stay.order_id) >= (arrived, order_id):
                continue
            ended = stay.ended_id is not None and stay.ended_id < known
            if ended and stay.ended_by != "completed":
                continue
            if ended and stay.ended_at and arrived - stay.ended_at > timedelta(minutes=minutes):
                continue
            found = stay.serial
        return found


_STAYS = text(
    "SELECT a.crew_id, w.building_id, e.at, e.order_id, w.serial, e.id, x.at, x.action, x.id"
    " FROM work_order_events e JOIN work_orders w ON w.id = e.order_id"
    " JOIN assignments a ON a.id = e.assignment_id"
    " LEFT JOIN LATERAL (SELECT y.at, y.action, y.id FROM work_order_events y"
    "  WHERE y.order_id = e.order_id AND y.seq > e.seq"
    "  AND y.to_state NOT IN ('ONSITE','WORKING') ORDER BY y.seq LIMIT 1) x ON true"
    " WHERE e.action = 'arrived' AND w.building_id IS NOT NULL ORDER BY e.at, e.order_id"
)
_ORIGINALS = text(
    "SELECT c.id, coalesce((e.payload->>'with_order_id')::uuid, w.rework_of, c.original_id)"
    " FROM rework_cases c JOIN work_orders w ON w.id = c.order_id"
    " LEFT JOIN work_order_events e ON e.action = 'followed'"
    " AND e.order_id = coalesce(w.rework_of, c.original_id)"
)
"""Of a report that followed another order's repair, that order: it alone was paid."""


async def read_pay(session: AsyncSession) -> PayGround:
    """Everything of the above, a statement each."""
    stays: dict[tuple[UUID, UUID], list[Stay]] = defaultdict(list)
    for crew, building, *rest in (await session.execute(_STAYS)).all():
        stays[crew, building].append(Stay(*rest))
    cases = await rows(session, ReworkCase, None, ReworkCase.proposed_at)
    originals = {row[0]: row[1] for row in (await session.execute(_ORIGINALS)).all()}
    repeated: dict[UUID, list[ReworkCase]] = defaultdict(list)
    for case in cases:
        repeated[originals.get(case.id, case.original_id)].append(case)
    appeals = await rows(session, PayAppeal)
    acts = await rows(session, PayMonthAct, None, PayMonthAct.id)
    published: dict[str, datetime] = {}
    for act in acts:
        if act.act not in OPEN_STEPS:
            published.setdefault(act.month, act.at)
    return PayGround(
        stays=dict(stays),
        repeats={each.order_id: each for each in cases},
        repeated=dict(repeated),
        originals=originals,
        sharers=await _sharers(session, repeated.keys()),
        findings=_by(await rows(session, PayFinding), "order_id"),
        adjustments=_by(await rows(session, PayAdjustment), "order_id"),
        appeals={each.entry_id: each for each in appeals},
        acts=acts,
        published=published,
    )


def _by(found: Collection[Any], name: str) -> dict[UUID, list[Any]]:
    groups: dict[UUID, list[Any]] = defaultdict(list)
    for each in found:
        groups[getattr(each, name)].append(each)
    return dict(groups)


async def _sharers(session: AsyncSession, orders: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    passed = await rows(session, Review, col(Review.order_id).in_(orders))
    ids = [each.completion_id for each in passed if each.decision == "passed"]
    records = await rows(session, CompletionRecord, col(CompletionRecord.id).in_(ids))
    return {
        each.order_id: frozenset(UUID(share["technician_id"]) for share in each.shares)
        for each in records
    }
