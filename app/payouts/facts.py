"""What the events and records say of a passed order, as the engine takes it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.holidays import day_type
from app.catalogue.models import FaultCode
from app.completions.models import CompletionRecord, Review
from app.completions.policy import shares_of
from app.core import settings
from app.organisation.models import Technician
from app.payouts import card_rows, trips
from app.payouts.card import CardRules
from app.payouts.engine import Work
from app.payouts.errors import JudgementUnusable, RateCardMissing
from app.payouts.models import RateCard
from app.revisits import cases
from app.work_orders.models import Assignment, WorkOrder, WorkOrderEvent

Said = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Passed:
    """An order whose record passed: the card of its day, the work, and what each line keeps."""

    record: CompletionRecord
    card: RateCard
    rules: CardRules
    work: Work
    said: Said
    day: date
    """The local day of completion, which decides card and month."""


async def passed(
    session: AsyncSession,
    order: WorkOrder,
    event: WorkOrderEvent,
    instead: RateCard | None = None,
) -> Passed:
    """Gather what the event `passed` of an order pays for, as it was known then.

    `instead` of the card of the day is for a simulation. Raises RateCardMissing, HolidaysUnknown
    and JudgementUnusable.
    """
    found = await _ground(session, order, event, instead)
    work, said = await _work(session, order, event, *found)
    return _told(found, work, said)


async def followed(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> Passed:
    """The same of a merged order, from the record of the repair that it was part of.

    Time and way to it are those of that repair's end: they count for nothing here.
    """
    found = await _ground(session, order, event, None)
    repeats, said = await _repeats(session, order)
    at = found.record.done_at.astimezone(settings.current().zone)
    work = Work(
        base_points=found.fault.points,
        outcome=found.record.outcome,
        shares=shares_of(found.record.shares),
        leader=await _leader(session, found.record),
        fault_code=found.fault.code,
        zone=order.zone,
        started_at=at,
        day_type=day_type(at.date()) if found.rules.needs_calendar else "workday",
        merged=True,
        **repeats,
    )
    return _told(found, work, said | {"with": event.payload["with_serial"]})


class _Ground(NamedTuple):
    record: CompletionRecord
    fault: FaultCode
    card: RateCard
    rules: CardRules


async def _ground(
    session: AsyncSession, order: WorkOrder, event: WorkOrderEvent, instead: RateCard | None
) -> _Ground:
    record = await session.get_one(CompletionRecord, UUID(event.payload["record_id"]))
    fault = await session.get_one(FaultCode, order.fault_code_id)
    day = record.done_at.astimezone(settings.current().zone).date()
    card, rules = (instead, rules_of(instead)) if instead else await card_on(session, day)
    return _Ground(record, fault, card, rules)


def _told(found: _Ground, work: Work, said: Said) -> Passed:
    record, fault = found.record, found.fault
    day = record.done_at.astimezone(settings.current().zone).date()
    base: Said = {
        "fault_code": fault.code,
        "catalogue_version": fault.version,
        "completion_id": str(record.id),
        "attempt": record.attempt,
        "done_at": record.done_at.isoformat(),
        "local_date": day.isoformat(),
    }
    return Passed(record, found.card, found.rules, work, base | said, day)


async def card_on(session: AsyncSession, day: date) -> tuple[RateCard, CardRules]:
    """The card in force on a local day and its rules; raises RateCardMissing."""
    card = await card_rows.card_on(session, day)
    if card is None:
        raise RateCardMissing(on=day.isoformat())
    return card, rules_of(card)


def rules_of(card: RateCard) -> CardRules:
    """A stored card's rules."""
    return CardRules.of(card.name, card.point_minor, card.rules)


async def _work(
    session: AsyncSession,
    order: WorkOrder,
    event: WorkOrderEvent,
    record: CompletionRecord,
    fault: FaultCode,
    _card: RateCard,
    rules: CardRules,
) -> tuple[Work, Said]:
    judged: dict[str, Any] = event.payload.get("judgement") or {}
    grade, handed = judged.get("difficulty"), judged.get("handed_over")
    if grade is not None and (rules.difficulty is None or grade not in rules.difficulty.factors):
        raise JudgementUnusable(difficulty=grade, card=rules.name)
    repeats, said = await _repeats(session, order)
    work = Work(
        base_points=fault.points,
        outcome=record.outcome,
        shares=shares_of(record.shares),
        leader=await _leader(session, record),
        fault_code=fault.code,
        difficulty=grade,
        handed_over=Decimal(handed) if handed is not None else None,
        zone=order.zone,
        **repeats,
        **await _on_site(session, order, event, record, rules),
    )
    return work, said


async def _repeats(session: AsyncSession, order: WorkOrder) -> tuple[dict[str, Any], Said]:
    """Whether the order repeats another, for what cause, and whom that bars."""
    case = await cases.repetition(session, order.id)
    if case is None:
        return {}, {}
    found: dict[str, Any] = {"attribution": case.cause or "pending"}
    if case.cause == "workmanship":
        found["barred"] = await _workers(session, case.original_id)
    return found, {"rework_of": str(case.original_id)}


async def _on_site(
    session: AsyncSession,
    order: WorkOrder,
    event: WorkOrderEvent,
    record: CompletionRecord,
    rules: CardRules,
) -> dict[str, Any]:
    """When work began, on what kind of day, and on whose trip; only what the card asks for."""
    known = event.id
    assert known is not None  # it was flushed
    found: dict[str, Any] = {}
    assignment = await session.get_one(Assignment, record.assignment_id)
    if rules.time is not None:
        started = await trips.last_event(session, order.id, "started", assignment.id, known)
        at = (started.at if started else record.done_at).astimezone(settings.current().zone)
        found |= {
            "started_at": at,
            "day_type": day_type(at.date()) if rules.needs_calendar else "workday",
        }
    if rules.distance is not None and rules.distance.of(order.zone):
        arrived = await trips.last_event(session, order.id, "arrived", assignment.id, known)
        if arrived is not None:
            found["same_trip_as"] = await trips.same_trip_as(
                session, order, assignment, arrived.at, known, rules.distance.same_trip_minutes
            )
    return found


async def _leader(session: AsyncSession, record: CompletionRecord) -> UUID:
    """Who completed: only the crew's leader can (transition 13)."""
    statement = select(Technician.id).where(Technician.user_id == record.completed_by)
    return (await session.exec(statement)).one()


async def _workers(session: AsyncSession, order_id: UUID) -> frozenset[UUID]:
    """Everybody who shared the record of an order that passed."""
    statement = (
        select(CompletionRecord)
        .join(Review, col(Review.completion_id) == CompletionRecord.id)
        .where(CompletionRecord.order_id == order_id, Review.decision == "passed")
    )
    record = (await session.exec(statement)).first()
    return frozenset(shares_of(record.shares)) if record is not None else frozenset()
