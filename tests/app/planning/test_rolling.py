"""A plan follows the day: work that overruns, crews that fall silent, danger that pushes in."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, update

from app.core import clock
from app.core.db import Database
from app.organisation.models import Presence
from app.planning import policy
from app.planning.build import Layout, order_of
from app.planning.context import Planner
from app.planning.danger import dispatch_danger
from app.planning.load import load
from app.planning.sweep import sweep
from app.work_orders.states import State
from tests.app.planning.conftest import Book, Run, Take
from tests.app.planning.test_jobs import emptied, queued
from tests.app.planning.test_run import offline
from tests.factories.orders import order_in
from tests.factories.world import World

ONLY_A1 = ("tech03", "tech04")
ONLY_A2 = ("tech01", "tech02", "tech04")


def slot(hours: float, minutes: float = 60) -> dict[str, str]:
    opens = clock.now() + timedelta(hours=hours)
    return {
        "starts_at": opens.isoformat(),
        "ends_at": (opens + timedelta(minutes=minutes)).isoformat(),
    }


async def heard(database: Database, world: World, ago: timedelta, *technicians: str) -> None:
    """The service last heard of them that long ago, on line."""
    ids = [world.technicians[name] for name in technicians]
    async with database.transaction() as session:
        await session.execute(
            update(Presence)
            .where(col(Presence.technician_id).in_(ids))
            .values(online=True, seen_at=clock.now() - ago)
        )


async def idle(database: Database, world: World) -> dict[str, str]:
    async with database.transaction() as session:
        snapshot = await load(session, world.stations["S01"], clock.now(), 12 * 3600)
    return {crew.code: crew.why for crew in snapshot.idle_crews}


@pytest.mark.parametrize(
    ("ahead", "wish", "price"),
    [(60, False, None), (61, False, policy.FAR_MOVE_S), (61, True, None)],
)
async def test_far_ahead_a_move_costs_next_to_nothing_unless_the_crew_is_wished_for(
    take: Take,
    plan: Run,
    database: Database,
    world: World,
    ahead: int,
    wish: bool,
    price: int | None,
) -> None:
    order = await take(fault_code="H26", appointment=slot(4))
    await plan()
    begins = {"order": order["id"], "at": clock.now() + timedelta(minutes=ahead)}
    async with database.transaction() as session:
        visit = "UPDATE planned_visits SET start_at = :at WHERE order_id = :order"
        await session.execute(text(visit), begins)
        if wish:
            same = "UPDATE work_orders SET preferred_crew_id = v.crew_id FROM planned_visits v"
            await session.execute(text(f"{same} WHERE v.order_id = work_orders.id"))
    async with database.transaction() as session:
        snapshot = await load(session, world.stations["S01"], clock.now(), 12 * 3600)
    (job,) = snapshot.jobs
    asked = order_of(job, snapshot.at, Layout.of(snapshot))
    assert asked.current_crew in {crew.code for crew in snapshot.crews}
    assert asked.move_s == price


class TestSweep:
    async def test_a_silent_crew_is_planned_around_unless_it_is_at_a_customers(
        self, take: Take, plan: Run, database: Database, book: Book, world: World
    ) -> None:
        await offline(database, world, *ONLY_A2)
        order = await take(fault_code="H26", appointment=slot(4))
        await plan()
        visit = await book.visit(order)
        assert visit is not None and visit.crew_id == world.crews["A2"]
        await emptied(database)
        await heard(database, world, timedelta(minutes=14), "tech03")
        await sweep(database)
        assert await queued(database) == []
        assert "A2" not in await idle(database, world)
        await heard(database, world, timedelta(minutes=16), "tech03")
        assert (await idle(database, world))["A2"] == "silent"
        await sweep(database)
        assert [name for name, _ in await queued(database)] == ["planning.wake"]
        async with database.transaction() as session:
            await order_in(session, world, State.ONSITE, crew="A2", premises="锦绣家园3-1-101")
        await heard(database, world, timedelta(minutes=16), "tech03")
        assert "A2" not in await idle(database, world)

    async def test_work_that_outlasts_its_estimate_asks_for_a_plan_once(
        self,
        take: Take,
        plan: Run,
        database: Database,
        book: Book,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name in ("STALE_AFTER", "SILENT_AFTER"):
            monkeypatch.setattr(policy, name, timedelta(days=1))
        await offline(database, world, *ONLY_A2)
        async with database.transaction() as session:
            begun = await order_in(session, world, State.WORKING, premises="锦绣家园3-1-101")
            query = text("SELECT service_minutes FROM fault_codes WHERE id = :id")
            row = await session.execute(query, {"id": begun.fault_code_id})
            usual = timedelta(minutes=row.scalar_one())
        order = await take(fault_code="H26", appointment=slot(4))
        await plan()
        visit = await book.visit(order)
        assert visit is not None and visit.crew_id == world.crews["A2"]
        await emptied(database)
        clock.advance(usual - timedelta(minutes=1))
        await sweep(database)
        assert await queued(database) == []
        clock.advance(timedelta(minutes=2))
        await sweep(database)
        assert await queued(database) == [("planning.run", f"plan-{world.stations['S01']}")]
        await plan()
        await emptied(database)
        await sweep(database)
        assert await queued(database) == [], "the plan in force knows of it"


class TestDangerPushesIn:
    async def test_who_gives_way_gets_its_next_place_at_once(
        self, take: Take, plan: Run, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, *ONLY_A1)
        order = await take(fault_code="H26", appointment=slot(1.5, 1))
        await plan()
        before = await book.visit(order)
        assert before is not None and before.crew_id == world.crews["A1"]
        await heard(database, world, timedelta(), *ONLY_A1)
        danger = await take("锦绣家园3-2-201", fault_code="H13")
        assert await dispatch_danger(planner, UUID(danger["id"])) == world.crews["A1"]
        after = await book.visit(order)
        assert after is not None and await book.reasons(order) == []
        assert after.crew_id in (world.crews["A2"], world.crews["A3"])
        assert after.position == 0 and after.run_id == before.run_id

    async def test_those_behind_it_are_told_their_later_times(
        self, take: Take, plan: Run, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, "tech01", "tech02", "tech03")
        order = await take(fault_code="H26", appointment=slot(2))
        await plan()
        visits = [await book.visit(order)]
        for at in ("锦绣家园3-1-101", "锦绣家园3-2-201"):
            danger = await take(at, fault_code="H07")
            assert await dispatch_danger(planner, UUID(danger["id"])) == world.crews["A3"]
            visits.append(await book.visit(order))
        found = [each for each in visits if each is not None]
        assert [each.position for each in found] == [0, 1, 2]
        assert found[2].start_at > found[0].start_at, "two leaks take longer than was free"
