"""A merged report has no repair of its own: what is wrong with it is wrong with the paid one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import service as completions
from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.identity import service as identity
from app.payouts import reworks
from app.revisits import service as revisits
from app.revisits.errors import AttributesOwnWork, CallsBackOwnWork
from app.revisits.policy import Call
from app.work_orders import merging
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder
from app.work_orders.states import State
from tests.app.payouts.forging import unfound
from tests.app.payouts.tables import compare
from tests.app.payouts.test_hooks import entries_of, standings_of
from tests.app.payouts.test_months import differences
from tests.app.payouts.test_reworks import case_of, decide, sums
from tests.factories.orders import advance, call_back, order_in, person, rework_of
from tests.factories.world import World

NEXT_DOOR = "锦绣家园1-2-201"


async def merge(session: AsyncSession, world: World, order: WorkOrder, main: WorkOrder) -> None:
    desk = await person(session, world, "dispatcher")
    act = Act.now(desk, Role.DISPATCHER)
    await merging.merge(session, desk, order.id, main.id, act, "同一立管")


async def test_its_failure_takes_back_the_repair_that_was_paid_and_pays_no_second_time(
    database: Database, database_url: str, app: object, world: World
) -> None:
    async with database.transaction() as session:
        main = await order_in(session, world, State.ENROUTE, crew="A2")
        twin = await order_in(session, world, State.NEW, premises=NEXT_DOOR)
        await merge(session, world, twin, main)
        await advance(session, world, main, State.CLOSED)
        later = await order_in(session, world, State.NEW, premises=NEXT_DOOR)
        again = await rework_of(session, await call_back(session, world, twin, solved=False))
        for order, found_by in ((again, "callback"), (later, "report")):
            case = await case_of(session, order)
            assert case is not None
            assert (case.original_id, case.found_by) == (main.id, found_by)
        clock.advance(timedelta(minutes=5))
        await decide(session, world, again, "workmanship")
        assert "REVERSE" in {line.kind for line in await entries_of(session, main)}
        assert set(await standings_of(session, twin)) == {"confirmed"}
        await advance(session, world, again, State.CLOSED, crew="A2")
        clock.advance(timedelta(minutes=5))
        await decide(session, world, later, "workmanship")
        assert await sums(session, world) == {"tech03": (Decimal("0.00"), 0)}
    told = compare(database_url)
    assert (told.only_stored, told.only_evaluated) == ([], [])
    assert await differences(database) == []
    blind = "UPDATE rework_cases SET original_id = o.id FROM work_orders o WHERE o.merged_into"
    forged = {"repeats": f"{blind} IS NOT NULL"}
    forged["taken back"] = "DELETE FROM ledger_entries WHERE kind = 'REVERSE'"
    assert await unfound(database_url, forged) == {}


async def test_whoever_repaired_the_main_order_decides_nothing_about_it(
    session: AsyncSession, world: World
) -> None:
    for role in (Role.REVISITOR, Role.REVIEWER):
        await identity.grant(session, world.users["tech03"], role, None)
    main = await order_in(session, world, State.ENROUTE, crew="A2")
    twin = await order_in(session, world, State.NEW, premises=NEXT_DOOR)
    await merge(session, world, twin, main)
    await advance(session, world, main, State.REVISIT)
    worker, other = [await person(session, world, name) for name in ("tech03", "tech04")]
    assert not await completions.worked_on(session, other.id, twin.id)
    with pytest.raises(CallsBackOwnWork):
        await revisits.record(session, worker, twin.id, Call(True, True, 5, None))
    again = await rework_of(session, await call_back(session, world, twin, solved=False))
    case = await case_of(session, again)
    assert case is not None
    with pytest.raises(AttributesOwnWork):
        await reworks.attribute(session, worker, case.id, "user", "装修弄坏")


async def test_what_passed_without_a_repair_ends_no_other_report(
    session: AsyncSession, world: World
) -> None:
    main = await order_in(session, world, State.ENROUTE, crew="A2")
    twin = await order_in(session, world, State.NEW, premises=NEXT_DOOR)
    await merge(session, world, twin, main)
    await advance(session, world, main, State.REVISIT, outcome="absent")
    assert (twin.state, twin.merged_into) == ("NEW", None)
    assert await entries_of(session, twin) == []
