"""`paigong payouts verify`: nothing on honest books, every kind of forged line found."""

from datetime import timedelta

from app.core import clock
from app.core.db import Database
from app.payouts import decisions, sweep
from app.verification.books import Part, check_books
from app.work_orders.states import State
from tests.app.payouts.forging import unfound
from tests.app.payouts.test_reworks import decide
from tests.factories.orders import advance, call_back, order_in, person
from tests.factories.world import World

FORGED = {
    "fen": "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE kind = 'BONUS'",
    "nobody found so": "UPDATE ledger_entries SET cause = 'finding:x' WHERE kind = 'DEDUCT'",
    "nobody agreed": "UPDATE ledger_entries SET cause = 'adjustment:x' WHERE kind = 'ADJUST'",
    "no such decision": "UPDATE rework_cases SET cause = 'user'",
    "taken back": "DELETE FROM ledger_entries WHERE kind = 'REVERSE'",
    "between 0 and": "UPDATE ledger_entries SET amount_minor = 99999 WHERE kind = 'REVERSE'",
    "explanation_zh": "UPDATE ledger_entries SET explanation_zh = '多劳多得' WHERE kind = 'EARN'",
    "inputs.share": 'UPDATE ledger_entries SET inputs = inputs || \'{"share": "0.99"}\''
    " WHERE kind = 'EARN'",
    "without another": "UPDATE completion_records SET done_at = done_at + interval '9 days'",
    "rating of": "DELETE FROM ledger_entries WHERE rule = 'rating'",
    "period: stored 2026-07": "UPDATE ledger_entries SET period = '2026-07' WHERE kind = 'ADJUST'",
    "deduct-late_done": "UPDATE ledger_entries SET amount_minor = -1 WHERE kind = 'DEDUCT'",
    "carried from 2026-03": "UPDATE ledger_entries SET kind = 'CARRY', rule = 'carry-open',"
    " cause = '2026-03:1:in' WHERE kind = 'ADJUST'",
}


async def test_honest_books_have_no_difference_and_forged_ones_do(
    database: Database, app: object, world: World
) -> None:
    async with database.transaction() as session:
        first = await order_in(session, world, State.REVISIT, fault="H10", crew="A1")
        await call_back(session, world, first, solved=True, rating=5)
        other = await order_in(session, world, State.CLOSED, premises="锦绣家园3-1-101")
        again = await order_in(session, world, State.NEW, fault="H10")
        await decide(session, world, again, "workmanship")
        await advance(session, world, again, State.CLOSED, crew="A1")
        reviewer, chief, manager = [
            await person(session, world, name) for name in ("reviewer", "chief1", "manager")
        ]
        tech03 = world.technicians["tech03"]
        said = (other.id, tech03, "late_done", "晚了两小时")
        await decisions.find_against(session, reviewer, *said)
        correction = (other.id, tech03, decisions.Decimal("-0.35"), "漏记配件")
        asked = await decisions.propose_adjustment(session, chief, *correction)
        await decisions.decide_adjustment(session, manager, asked.id, True, "属实")
        clock.advance(timedelta(days=16))
        assert await sweep.add_for_lasting(session) == 1
        assert await sweep.add_for_lasting(session) == 0
    async with database.transaction() as session:
        entries, found = await check_books(session)
        assert (entries, [str(each) for each in found]) == (8 + 2 + 4, [])
    parts = []
    for number in range(2):
        async with database.transaction() as session:
            parts.append(await check_books(session, Part(number, 2)))
    assert (sum(each[0] for each in parts), [each[1] for each in parts]) == (entries, [[], []])
    assert all(each[0] for each in parts)


async def test_each_forgery_is_found(
    database: Database, database_url: str, app: object, world: World
) -> None:
    await test_honest_books_have_no_difference_and_forged_ones_do(database, app, world)
    assert await unfound(database_url, FORGED) == {}
