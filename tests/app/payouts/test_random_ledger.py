"""Two months of random events over the real services and tables: the books stay sound."""

from datetime import timedelta
from random import Random
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.payouts import decisions, months, reworks, sweep
from app.payouts.models import LedgerEntry
from app.revisits.models import ReworkCase
from app.verification.books import check_books
from app.work_orders.states import State
from tests.app.payouts.forging import unfound
from tests.app.payouts.tables import compare
from tests.app.payouts.test_reworks import decide
from tests.factories.orders import advance, call_back, order_in, person, rework_of
from tests.factories.world import World

PAIR, ALONE = ("tech01", "tech02"), ("tech03",)
CREWS = {"A1": ("H10", PAIR), "A2": ("H01", ALONE), "A3": ("H01", ("tech04",))}
A_MINUTE = timedelta(minutes=1)
"""Between any two events: the second evaluator goes by the order of time."""
CAUSES = ("workmanship", "workmanship", "part", "user", "new_fault")


class Story:
    """What may happen to pay, drawn by a seed."""

    def __init__(self, session: AsyncSession, world: World, seed: int) -> None:
        self.session, self.world, self.random = session, world, Random(seed)

    async def an_order(self) -> None:
        crew = self.random.choice(list(CREWS))
        fault, people = CREWS[crew]
        premises = self.random.choice(["锦绣家园1-1-101", "锦绣家园3-1-101"])
        how = {"crew": crew, "fault": fault, "premises": premises}
        order = await order_in(self.session, self.world, State.REVISIT, **how)
        solved = self.random.random() < 0.75
        rating = self.random.choice([None, 4, 5]) if solved else 1
        clock.advance(A_MINUTE)
        revisit = await call_back(self.session, self.world, order, solved=solved, rating=rating)
        if not solved:
            again = await rework_of(self.session, revisit)
            clock.advance(A_MINUTE)
            if self.random.random() < 0.7:
                await decide(self.session, self.world, again, self.random.choice(CAUSES))
            clock.advance(A_MINUTE)
            await advance(self.session, self.world, again, State.CLOSED, crew=crew)
        clock.advance(A_MINUTE)
        if self.random.random() < 0.6:
            await self.a_deduction(order.id, self.random.choice(people))

    async def a_deduction(self, order_id: UUID, who: str) -> None:
        reviewer = await person(self.session, self.world, "reviewer")
        kind = self.random.choice(["late_done", "complaint", "false_proof"])
        said = (self.world.technicians[who], kind, "现场核实属实")
        await decisions.find_against(self.session, reviewer, order_id, *said)

    async def a_late_decision(self) -> None:
        open_ones = select(ReworkCase).where(col(ReworkCase.cause).is_(None))
        case = (await self.session.exec(open_ones)).first()
        if case is not None:
            who = await person(self.session, self.world, "reviewer")
            cause = self.random.choice(CAUSES)
            await reworks.attribute(self.session, who, case.id, cause, "复核后认定")

    async def close(self, month: str) -> tuple[int, int]:
        """Draft to settlement, with its working days between; entries and fen of the month."""
        clerk = await person(self.session, self.world, "pay_clerk")
        for act in ("draft", "published", "locked", "settled"):
            if act == "locked":
                clock.advance(timedelta(days=6))
            await months.act(self.session, clerk, month, act)
            clock.advance(A_MINUTE)
        return await self.sums(month)

    async def sums(self, month: str) -> tuple[int, int]:
        query = select(func.count(), func.sum(LedgerEntry.amount_minor))
        row = (await self.session.execute(query.where(LedgerEntry.period == month))).one()
        return int(row[0]), int(row[1])


CLOSING = "closing of 2026-0"
_CARD = "UPDATE rate_cards SET rules = jsonb_set(rules, '{limits,%s}', '%s')"
_GRANTED = (
    "INSERT INTO pay_appeals (id, entry_id, technician_id, month, reason, raised_by, raised_at,"
    " station_due_at, company_due_at, company_verdict, company_by, company_at)"
    " SELECT gen_random_uuid(), e.id, e.technician_id, e.period, 'x', u.id, e.created_at,"
    " e.created_at, e.created_at, 'granted', u.id, now() FROM ledger_entries e, users u"
    " WHERE e.kind = 'DEDUCT' AND e.amount_minor < 0 AND NOT EXISTS (SELECT 1 FROM ledger_entries r"
    "  WHERE r.refers_to = e.id AND r.kind = 'REVERSE') ORDER BY e.id, u.id LIMIT 1"
)
FORGED = {
    f"{CLOSING}1": "DELETE FROM ledger_entries WHERE kind = 'CARRY'",
    f"{CLOSING}2": "UPDATE ledger_entries SET amount_minor = amount_minor * 2 WHERE kind = 'CARRY'",
    f"{CLOSING}": _CARD % ("deduction_share", '"0.01"'),
    f"{CLOSING}1, ": _CARD % ("minimum_pay_minor", "99999999"),
    "2026-01 locked": "DELETE FROM ledger_standings WHERE standing = 'locked'"
    " AND entry_id = (SELECT min(entry_id) FROM ledger_standings)",
    "first-time-fix of": "DELETE FROM ledger_entries WHERE rule = 'first-time-fix'",
    "it was granted": _GRANTED,
    "month 2026-01 locked": "DELETE FROM ledger_entries WHERE period = '2026-01'",
}


async def test_books_stay_sound(
    database: Database, database_url: str, app: object, world: World
) -> None:
    async with database.transaction() as session:
        story = Story(session, world, seed=11)
        for _ in range(6):
            await story.an_order()
            clock.advance(timedelta(hours=50))
        clock.advance(timedelta(days=6))  # into February
        january = await story.close("2026-01")
        for _ in range(2):
            await story.an_order()
            clock.advance(A_MINUTE)
            await story.a_late_decision()
            clock.advance(A_MINUTE)
        await sweep.confirm_waited(session)
        await sweep.add_for_lasting(session)
        clock.advance(timedelta(days=24))  # into March
        february = await story.close("2026-02")
        await story.a_late_decision()
        assert (await story.sums("2026-01"), await story.sums("2026-02")) == (january, february)
        assert january[1] > 0
    async with database.transaction() as session:
        entries, found = await check_books(session)
        assert [str(each) for each in found] == []
        assert entries > 20
    compared = compare(database_url)
    assert (compared.only_stored, compared.only_evaluated) == ([], [])
    assert compared.equal == compared.entries > 20
    assert await unfound(database_url, FORGED) == {}
