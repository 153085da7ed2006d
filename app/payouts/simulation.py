"""A new card on an old month: what everybody would have earned; nothing is written (DOMAIN 5.11).

Earnings, bonuses and deductions are computed anew; reversals, corrections and what months carry
stay as they were, since people decided them.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation.models import Technician
from app.payouts import facts, repository
from app.payouts.card import CardRules
from app.payouts.drafts import Worth, worth
from app.payouts.engine import earn, part_of
from app.payouts.models import LedgerEntry, RateCard
from app.payouts.posting import FIRST_TIME, RATING
from app.work_orders.models import WorkOrder, WorkOrderEvent


@dataclass(slots=True)
class Compared:
    """One technician's month by the cards in force and by the new one."""

    technician: Technician
    before: Worth = field(default_factory=Worth)
    after: Worth = field(default_factory=Worth)


@dataclass(frozen=True, slots=True)
class Simulation:
    """The month twice."""

    entries: int
    people: list[Compared]

    @property
    def before(self) -> Worth:
        return sum((each.before for each in self.people), Worth())

    @property
    def after(self) -> Worth:
        return sum((each.after for each in self.people), Worth())


async def simulate(session: AsyncSession, card: RateCard, month: str) -> Simulation:
    """Pay a past month by `card`, which need not be stored. Reads every passed order of it."""
    rules = facts.rules_of(card)
    entries = await repository.entries_of_month(session, month)
    passed = await repository.passed_orders(session, {each.order_id for each in entries})
    again: dict[tuple[UUID, UUID], Worth] = {}
    for order, event in passed:
        again |= await _earned(session, order, event, card, rules)
    people = {
        each.id: Compared(each)
        for each in await repository.technicians(session, {each.technician_id for each in entries})
    }
    for entry in entries:
        person = people[entry.technician_id]
        person.before += worth(entry)
        person.after += _again(entry, again, rules)
    found = sorted(people.values(), key=lambda each: each.technician.employee_no)
    return Simulation(len(entries), found)


async def _earned(
    session: AsyncSession,
    order: WorkOrder,
    event: WorkOrderEvent,
    card: RateCard,
    rules: CardRules,
) -> dict[tuple[UUID, UUID], Worth]:
    lines = earn((await facts.passed(session, order, event, card)).work, rules)
    return {(order.id, line.technician_id): Worth(line.points, line.amount_minor) for line in lines}


def _again(entry: LedgerEntry, again: dict[tuple[UUID, UUID], Worth], rules: CardRules) -> Worth:
    """What the line would be; a part is taken of what the order would have earned."""
    earned = again.get((entry.order_id, entry.technician_id))
    if earned is None or entry.kind not in ("EARN", "BONUS", "DEDUCT"):
        return worth(entry)
    if entry.kind == "EARN":
        return earned
    part = Worth(*part_of(earned.points, _part(entry, rules), rules.point_minor))
    return part if entry.kind == "BONUS" else -part


def _part(entry: LedgerEntry, rules: CardRules) -> Decimal:
    if entry.rule == FIRST_TIME:
        return rules.bonuses.first_time_fix
    if entry.rule == RATING:
        return rules.bonuses.of_rating(int(entry.inputs["rating"]))
    return rules.deductions.part(entry.rule.removeprefix("deduct-"))
