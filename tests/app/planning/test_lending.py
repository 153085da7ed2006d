"""Neighbours lend crews at their border, and plans that meet on one crew give way to each other."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, update

import dispatch
from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.organisation.models import Presence
from app.planning import policy
from app.planning.context import Planner
from app.planning.danger import dispatch_danger
from app.planning.models import PlannedVisit, PlanningRun
from app.planning.repository import is_behind
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.app.planning.test_run import offline
from tests.factories.world import World

Move = Callable[[], Awaitable[None]]
S01S = ("tech01", "tech02", "tech03", "tech04")
FAR_EAST = "阳光花园2-1-101"


def slot(hours: float) -> dict[str, str]:
    opens = clock.now() + timedelta(hours=hours)
    return {"starts_at": opens.isoformat(), "ends_at": (opens + timedelta(hours=1)).isoformat()}


@pytest.fixture
async def near(database: Database, world: World) -> None:
    """B1 of S02 stands 900 m east of the border with S01."""
    people = [world.technicians[name] for name in ("tech05", "tech06")]
    async with database.transaction() as session:
        await session.execute(
            update(Presence)
            .where(col(Presence.technician_id).in_(people))
            .values(location=point(117.11, 36.65))
        )


def crews_of(run: PlanningRun) -> dict[str, bool]:
    assert run.result is not None
    return {route["crew_code"]: route["lent"] for route in run.result["routes"]}


async def visit_of(database: Database, order: dict[str, Any], crew_id: UUID, run_id: UUID) -> None:
    """Another plan gives the order to the crew."""
    noon = clock.now() + timedelta(hours=4)
    async with database.transaction() as session:
        session.add(
            PlannedVisit(
                order_id=UUID(order["id"]),
                crew_id=crew_id,
                run_id=run_id,
                position=0,
                arrive_at=noon,
                start_at=noon,
                finish_at=noon,
                travel_s=60,
                travel_source="estimate",
            )
        )


class TestWhoIsLent:
    async def test_a_crew_near_the_border_helps_when_the_own_ones_cannot(
        self, near: None, take: Take, plan: Run, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, *S01S)
        order = await take("锦绣家园3-1-101")
        run = await plan()
        assert crews_of(run) == {"B1": True}
        assert run.result is not None and run.result["price"]["area"] == policy.LENDING_PRICE_S
        assert run.result["committed"] == [
            {"order_id": order["id"], "crew_id": str(world.crews["B1"])}
        ]
        assert {crew["crew_code"] for crew in run.result["idle_crews"]} == {"A1", "A2", "A3"}
        async with database.transaction() as session:
            assert await is_behind(session, world.stations["S02"]), "its crew has other work now"

    async def test_own_crews_come_first(self, near: None, take: Take, plan: Run) -> None:
        await take("锦绣家园3-1-101")
        run = await plan()
        assert crews_of(run) == {"A1": False, "A2": False, "A3": False, "B1": True}
        assert run.result is not None and run.result["price"]["area"] == 0

    async def test_a_crew_far_from_the_border_is_not_asked(
        self, take: Take, plan: Run, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, *S01S)
        order = await take()
        run = await plan()
        assert crews_of(run) == {}
        assert await book.reasons(order) == ["no_crew_on_shift"]

    async def test_nobody_is_lent_when_the_company_forbids_it(
        self, near: None, take: Take, plan: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(policy, "LENDING", False)
        await take()
        assert "B1" not in crews_of(await plan())

    async def test_danger_borrows_too(
        self, near: None, take: Take, planner: Planner, database: Database, world: World
    ) -> None:
        await offline(database, world, *S01S)
        order = await take("锦绣家园3-1-101", fault_code="H07")
        assert await dispatch_danger(planner, UUID(order["id"])) == world.crews["B1"]


class TestWorkElsewhere:
    async def test_a_lent_crew_keeps_what_its_own_station_planned(
        self,
        near: None,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        own = await take(FAR_EAST, fault_code="H26", appointment=slot(3))
        await plan("S02")
        before = await book.visit(own)
        assert before is not None and before.crew_id == world.crews["B1"]
        await offline(database, world, *S01S)
        other = await take("锦绣家园3-1-101", fault_code="H26", appointment=slot(6))
        run = await plan()
        assert solver.problem is not None
        assert solver.problem.crew_by_id["B1"].sequence == (own["serial"],)
        assert run.result is not None
        [route] = run.result["routes"]
        assert [(v["serial"], v["elsewhere"]) for v in route["visits"]] == [
            (own["serial"], True),
            (other["serial"], False),
        ]
        after, lent = await book.visit(own), await book.visit(other)
        assert after is not None and (after.run_id, after.start_at) == (
            before.run_id,
            before.start_at,
        )
        assert lent is not None and lent.crew_id == world.crews["B1"]
        again = await plan("S02")
        assert again.result is not None
        [route] = again.result["routes"]
        assert [v["elsewhere"] for v in route["visits"]] == [False, True]
        assert await book.visit(other) is not None, "S02's plan leaves the loan alone"

    async def test_work_that_a_lent_crew_got_meanwhile_keeps_it_at_home(
        self,
        near: None,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        own = await take(FAR_EAST, fault_code="H26", appointment=slot(3))
        earlier = await plan("S02")
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM planned_visits"))
        await offline(database, world, *S01S)
        order = await take("锦绣家园3-1-101", fault_code="H26", appointment=slot(6))

        async def planned_at_home() -> None:
            await visit_of(database, own, world.crews["B1"], earlier.id)

        solver.before = planned_at_home
        run = await plan()
        assert run.result is not None
        assert run.result["left_out"] == [
            {"order_id": order["id"], "serial": order["serial"], "changed": ["crew_busy"]}
        ]
        assert await book.visit(order) is None and await book.visit(own) is not None
        async with database.transaction() as session:
            assert await is_behind(session, world.stations["S01"])

    async def test_a_loan_that_the_own_station_does_not_know_of_is_sent_home(
        self,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        foreign = await take(FAR_EAST, fault_code="H26", appointment=slot(3))
        await take()
        first = await plan()

        async def lent() -> None:
            await visit_of(database, foreign, world.crews["A1"], first.id)

        solver.before = lent
        await plan()
        assert await book.visit(foreign) is None
        async with database.transaction() as session:
            assert await is_behind(session, world.stations["S02"])


class TestOverlappingRuns:
    async def test_a_plan_of_a_later_snapshot_stays_in_force(
        self,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        """A run of the whole company publishes while the station's own one still solves."""
        order = await take(fault_code="H26", appointment=slot(4))

        async def whole_company() -> None:
            solver.before = None
            clock.advance(timedelta(minutes=1))
            newer.append((await plan("CO")).id)

        newer: list[UUID] = []
        solver.before = whole_company
        run = await plan()
        visit = await book.visit(order)
        assert visit is not None and visit.run_id == newer[0]
        assert run.result is not None
        assert [each["changed"] for each in run.result["left_out"]] == [["planned_since"]]

    async def test_a_crew_whose_station_has_a_newer_plan_is_not_booked_twice(
        self,
        near: None,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        """The company's run gives B1 an order of S01 while S02 fills B1's same hour."""
        await offline(database, world, *S01S)
        lent = await take("锦绣家园3-1-101", fault_code="H26", appointment=slot(4))
        filled: list[dict[str, Any]] = []

        async def s02_plans() -> None:
            solver.before = None
            clock.advance(timedelta(minutes=1))
            filled.append(await take(FAR_EAST, fault_code="H26", appointment=slot(4)))
            await plan("S02")

        solver.before = s02_plans
        run = await plan("CO")
        own = await book.visit(filled[0])
        assert own is not None and own.crew_id == world.crews["B1"]
        assert await book.visit(lent) is None
        assert run.result is not None
        changed = {each["serial"]: each["changed"] for each in run.result["left_out"]}
        assert changed[lent["serial"]] == ["crew_busy"]
        async with database.transaction() as session:
            assert await is_behind(session, world.stations["S01"])

    async def test_a_crew_that_got_an_order_meanwhile_gets_no_second_one(
        self, take: Take, plan: Run, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        """Two plans chose one crew for different orders; both commit steps have looked already."""
        from app.planning import commit, commit_rows

        await offline(database, world, *S01S[:3])
        first, second = await take(), await take("锦绣家园3-1-101")
        base = await plan()
        sent = [order for order in (first, second) if await book.state(order) == "SENT"]
        [left] = [order for order in (first, second) if order not in sent]
        assert len(sent) == 1 and base.result is not None
        assert await book.visit(left) is not None
        done = commit.Committed()
        async with database.transaction() as session:
            hours = clock.now() + timedelta(hours=12)
            due = await commit_rows.due_visits(session, [world.stations["S01"]], hours)
        [visit] = [each for each in due if each.order_id == UUID(left["id"])]
        await commit._send(planner, visit, done)
        assert done.sent == {} and done.refused == []
        assert await book.state(left) == "NEW"


def test_the_price_of_lending_is_never_above_that_of_leaving_out() -> None:
    cheapest = policy.unserved_price("C5", policy.late_rate("C5", vulnerable=False, overdue=0))
    assert cheapest > policy.LENDING_PRICE_S > dispatch.Objective().move


class TestContractors:
    async def test_no_crew_crosses_a_contractors_border_unless_it_is_flagged(
        self,
        near: None,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await offline(database, world, *S01S)
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE stations SET contractor = true WHERE id = :id"),
                {"id": world.stations["S02"]},
            )
        order = await take("锦绣家园3-1-101")
        assert crews_of(await plan()) == {}, "the contractor's crew is not lent"
        together = await plan("CO")
        assert crews_of(together) == {"B1": False}
        assert await book.visit(order) is None
        assert (await book.reasons(order))[0] == "only_forbidden_crews"
        monkeypatch.setattr(policy, "LENDING_ACROSS_CONTRACTORS", True)
        assert crews_of(await plan()) == {"B1": True}
        assert await book.state(order) == "SENT"
