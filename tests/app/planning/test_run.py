"""One run from snapshot to dispatch, on a real database with straight-line roads."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlmodel import col, update

import dispatch
from app.core import clock
from app.core.db import Database
from app.organisation.models import Presence, Shift
from app.planning import policy
from app.planning.errors import PlanRefused, PlanTooLarge
from app.planning.models import PlannedVisit, PlanningRun
from app.work_orders import assignments, service, timers
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.conftest import Headers
from tests.factories.world import World


async def offline(database: Database, world: World, *technicians: str) -> None:
    ids = [world.technicians[name] for name in technicians]
    async with database.transaction() as session:
        await session.execute(
            update(Presence).where(col(Presence.technician_id).in_(ids)).values(online=False)
        )


class TestPublish:
    async def test_a_calm_order_gets_a_visit_and_what_is_due_is_sent(
        self, take: Take, plan: Run, book: Book
    ) -> None:
        order = await take()
        run = await plan()
        assert run.state == "published" and run.step == "done" and run.result is not None
        assert run.result["committed"][0]["order_id"] == order["id"]
        assert await book.state(order) == "SENT"
        assert await book.visit(order) is None, "a sent order is planned no more"

    async def test_an_agreed_slot_in_the_afternoon_is_planned_but_not_sent(
        self, take: Take, plan: Run, book: Book
    ) -> None:
        noon = clock.now() + timedelta(hours=4)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}
        order = await take(fault_code="H26", appointment=slot)
        run = await plan()
        visit = await book.visit(order)
        assert visit is not None and visit.run_id == run.id
        assert noon - timedelta(minutes=30) <= visit.start_at <= noon + timedelta(minutes=90)
        assert await book.state(order) == "NEW"

    async def test_a_slot_beyond_the_horizon_is_reported_so(
        self, take: Take, plan: Run, book: Book
    ) -> None:
        tomorrow = clock.now() + timedelta(hours=26)
        slot = {
            "starts_at": tomorrow.isoformat(),
            "ends_at": (tomorrow + timedelta(hours=1)).isoformat(),
        }
        order = await take(fault_code="H26", appointment=slot)
        await plan()
        assert await book.reasons(order) == ["beyond_horizon"]

    async def test_what_changed_under_the_plan_is_left_out_and_reported(
        self,
        take: Take,
        plan: Run,
        book: Book,
        solver: SolverHere,
        database: Database,
        world: World,
    ) -> None:
        order, other = await take(), await take("锦绣家园3-1-101")

        async def pin() -> None:
            async with database.transaction() as session:
                row = await service.locked_any(session, UUID(order["id"]))
                row.pinned, row.preferred_crew_id = True, world.crews["A2"]

        solver.before = pin
        run = await plan()
        assert run.result is not None
        assert [each["order_id"] for each in run.result["left_out"]] == [order["id"]]
        assert run.result["left_out"][0]["changed"] == ["pinned", "preferred_crew_id"]
        assert await book.visit(order) is None and await book.state(order) == "NEW"
        assert await book.state(other) == "SENT"

    async def test_a_plan_that_breaks_a_rule_is_not_published(
        self, take: Take, plan: Run, book: Book, solver: SolverHere, database: Database
    ) -> None:
        def cheat(plan: dispatch.Plan) -> dispatch.Plan:
            return replace(plan, price={**plan.price, "travel": 0}, total=0)

        order = await take("锦绣家园3-1-101")
        solver.spoil = cheat
        with pytest.raises(PlanRefused):
            await plan()
        assert await book.visit(order) is None and await book.state(order) == "NEW"
        async with database.transaction() as session:
            run = (await session.execute(PlanningRun.__table__.select())).one()  # type: ignore[attr-defined]
        assert run.state == "failed" and "PlanRefused" in run.error

    async def test_churn_counts_orders_that_changed_crews(
        self, take: Take, plan: Run, database: Database, world: World
    ) -> None:
        noon = clock.now() + timedelta(hours=4)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}
        order = await take(fault_code="H26", appointment=slot)
        await plan()
        async with database.transaction() as session:
            visit = await session.get_one(PlannedVisit, UUID(order["id"]))
            code = {crew_id: code for code, crew_id in world.crews.items()}[visit.crew_id]
        members = {"A1": ("tech01", "tech02"), "A2": ("tech03",), "A3": ("tech04",)}[code]
        await offline(database, world, *members)
        run = await plan()
        assert run.result is not None
        churn = {"compared": 1, "moved": 1, "dropped": 0, "per_order": 1.0, "lost": {}}
        assert run.result["churn"] == churn, "the crew that lost it is not there any more"

    async def test_one_crew_loses_no_more_than_three_planned_orders_in_one_plan(
        self,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        await offline(database, world, "tech01", "tech02", "tech03")
        noon = clock.now() + timedelta(hours=2)
        slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=6)).isoformat()}
        homes = ("锦绣家园1-1-101", "锦绣家园1-1-102", "锦绣家园1-2-201", "锦绣家园3-1-101")
        orders = [await take(at, fault_code="H26", appointment=slot) for at in homes]
        await plan()
        assert [visit and visit.crew_id for visit in [await book.visit(o) for o in orders]] == [
            world.crews["A3"]
        ] * 4
        async with database.transaction() as session:
            await session.execute(update(Presence).values(online=True))
            await session.execute(
                update(Shift)
                .where(col(Shift.crew_id) == world.crews["A3"])
                .values(ends_at=clock.now() + timedelta(minutes=10))
            )
        run = await plan()
        assert solver.problem is not None and run.result is not None
        assert solver.problem.objective.most_moves == policy.MOST_MOVES == 3
        assert run.result["churn"] == {
            "compared": 4,
            "moved": 3,
            "dropped": 1,
            "per_order": 0.75,
            "lost": {"A3": 3},
        }
        assert len(run.result["unassigned"]) == 1
        last = await plan()
        assert last.result is not None and last.result["unassigned"] == [], "the next plan may"

    async def test_a_subtree_too_large_for_one_problem_is_planned_in_steps_a_station_is_refused(
        self,
        take: Take,
        plan: Run,
        book: Book,
        client: httpx.AsyncClient,
        as_: Headers,
        world: World,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        held = await take("阳光花园2-1-101")
        await plan("S02")
        assert await book.state(held) == "SENT"
        orders = [await take(), await take("锦绣家园3-1-101")]
        monkeypatch.setattr(policy, "MOST_ORDERS", 1)
        body = {"station_id": str(world.stations["CO"])}
        answer = await client.post("/planning-runs", json=body, headers=as_("dispatcher"))
        told = answer.json()
        assert (answer.status_code, told["orders"]) == (409, 2)
        assert told["type"].endswith("plan-too-large") and "划分" in told["action"]
        with pytest.raises(PlanTooLarge):
            await plan("CO")
        monkeypatch.setattr(policy, "MOST_ORDERS", 2)
        answer = await client.post("/planning-runs", json=body, headers=as_("dispatcher"))
        assert answer.status_code == 202, "two waiting orders fit, with the one held they do not"
        await offline(database, world, "tech01", "tech02", "tech03", "tech04")
        run = await plan("CO")
        assert run.state == "published" and run.result is not None
        assert run.result["parts"]["steps"] == 1, "neither station has orders and crews"
        (route,) = run.result["routes"]
        assert route["crew_code"] == "B1"
        assert [visit["locked"] for visit in route["visits"]] == [True, False, False]
        served = {visit["order_id"] for visit in route["visits"]}
        assert served == {each["id"] for each in (held, *orders)}
        assert run.result["price"]["area"] == 2 * policy.LENDING_PRICE_S
        visits = [await book.visit(each) for each in orders]
        assert any(visit is not None and visit.run_id == run.id for visit in visits)
        shown = await client.get(f"/planning-runs/{run.id}", headers=as_("dispatcher"))
        assert shown.status_code == 200, shown.text


class TestWhoIsAsked:
    async def test_a_crew_off_line_is_never_proposed(
        self, take: Take, plan: Run, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, "tech01", "tech02", "tech03", "tech04")
        order = await take()
        run = await plan()
        assert await book.reasons(order) == ["no_crew_on_shift"]
        assert run.result is not None
        assert {crew["why"] for crew in run.result["idle_crews"]} == {"offline"}

    async def test_a_pinned_crew_gets_it_though_another_is_nearer(
        self, take: Take, plan: Run, database: Database, world: World
    ) -> None:
        order = await take()
        async with database.transaction() as session:
            row = await session.get_one(WorkOrder, UUID(order["id"]))
            row.pinned, row.preferred_crew_id = True, world.crews["A3"]
        run = await plan()
        assert run.result is not None
        assert run.result["committed"] == [
            {"order_id": order["id"], "crew_id": str(world.crews["A3"])}
        ]

    async def test_a_skill_that_nobody_has_is_the_reason(
        self, take: Take, plan: Run, book: Book
    ) -> None:
        order = await take(fault_code="P12")
        await plan()
        assert await book.reasons(order) == ["no_skill"]

    async def test_an_order_larger_than_every_crew_waits_for_a_joint_one(
        self, take: Take, plan: Run, book: Book
    ) -> None:
        order = await take(fault_code="P08")
        await plan()
        assert await book.reasons(order) == ["crew_too_small"]

    async def test_the_crew_that_let_it_expire_is_not_asked_at_once_again(
        self, take: Take, plan: Run, book: Book, database: Database, world: World
    ) -> None:
        order = await take()
        first = await plan()
        assert first.result is not None
        held_by = first.result["committed"][0]["crew_id"]
        clock.advance(timedelta(minutes=11))
        async with database.transaction() as session:
            assert await timers.run_due_timers(session, UUID(order["id"]))
        assert await book.state(order) == "RETURNED"
        second = await plan()
        assert second.result is not None
        assert second.result["committed"][0]["crew_id"] != held_by


class TestStartedWork:
    async def test_an_order_in_a_crews_hands_stays_there_and_takes_its_time(
        self,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        order = await take()
        async with database.transaction() as session:
            row = await service.locked_any(session, UUID(order["id"]))
            await assignments.assign(session, row, world.crews["A3"], Act.by_planner(), how="auto")
            row.state = "WORKING"
        run = await plan()
        assert await book.state(order) == "WORKING"
        assert run.result is not None
        busy = next(r for r in run.result["routes"] if r["crew_code"] == "A3")
        assert busy["visits"] == [], "work on site is no visit"
        assert solver.problem is not None
        crew = solver.problem.crew_by_id["A3"]
        assert crew.available_from_s == 60 * 60
        assert crew.in_building == str(world.buildings["锦绣家园1"])

    async def test_accepted_orders_come_first_in_the_route(
        self, take: Take, plan: Run, database: Database, world: World
    ) -> None:
        mine = await take()
        async with database.transaction() as session:
            row = await service.locked_any(session, UUID(mine["id"]))
            await assignments.assign(session, row, world.crews["A3"], Act.by_planner(), how="auto")
        await offline(database, world, "tech01", "tech02", "tech03")
        other = await take("锦绣家园3-1-101")
        run = await plan()
        assert run.result is not None
        [route] = run.result["routes"]
        assert [(v["order_id"], v["locked"]) for v in route["visits"]] == [
            (mine["id"], True),
            (other["id"], False),
        ]
        assert run.result["committed"] == [], "the crew has not accepted the first one yet"
        assert run.result["routing"]["legs"]["estimate"] == 2

    async def test_a_joint_crews_work_keeps_its_members_crews_busy(
        self, take: Take, plan: Run, database: Database, world: World, solver: SolverHere
    ) -> None:
        order = await take()
        async with database.transaction() as session:
            row = await service.locked_any(session, UUID(order["id"]))
            people = [world.technicians["tech03"], world.technicians["tech04"]]
            await assignments.form_joint_crew(
                session, row, people, people[0], Act.by_planner(), "two crews needed"
            )
        run = await plan()
        assert solver.problem is not None
        assert solver.problem.crew_by_id["A2"].locked == (f"{order['serial']}@A2",)
        assert solver.problem.crew_by_id["A3"].locked == (f"{order['serial']}@A3",)
        assert run.result is not None
        assert {r["crew_code"] for r in run.result["routes"]} == {"A1", "A2", "A3"}


class TestCommit:
    async def test_danger_is_sent_at_once_past_a_crews_unaccepted_order(
        self, take: Take, plan: Run, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, "tech01", "tech02", "tech03")
        calm = await take()
        await plan()
        assert await book.state(calm) == "SENT"
        second = await take("锦绣家园3-1-101")
        danger = await take("锦绣家园3-1-102", fault_code="H07")
        await plan()
        assert await book.state(danger) == "SENT"
        assert await book.state(second) == "NEW"

    async def test_a_crew_that_went_off_line_after_the_plan_is_reported_not_fatal(
        self,
        take: Take,
        plan: Run,
        book: Book,
        database: Database,
        world: World,
        solver: SolverHere,
    ) -> None:
        order = await take()

        async def vanish() -> None:
            await offline(database, world, "tech01", "tech02", "tech03", "tech04")

        solver.before = vanish
        run = await plan()
        assert run.state == "published" and run.result is not None
        assert [each["type"] for each in run.result["not_committed"]] == ["crew-not-qualified"]
        assert await book.state(order) == "NEW" and await book.visit(order) is None
