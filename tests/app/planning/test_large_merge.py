"""What happens while a run in steps searches is in the plan that it publishes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, update

import dispatch
from app.core import clock
from app.core.db import Database
from app.customers.models import Building
from app.organisation.models import Crew, Presence, Shift, Station, Technician
from app.planning import policy, run
from app.planning.context import Planner
from app.planning.models import PlanningRun
from app.planning.repository import is_behind
from app.work_orders import assignments, service
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.app.planning.test_run import offline
from tests.factories.world import World

AT_S01, AT_S02, AT_S03 = "锦绣家园1-{}", "阳光花园2-{}", "锦绣家园3-{}"
FOUND_LATER = timedelta(minutes=2)
Order = dict[str, Any]


class Desk:
    """Orders with a slot at noon, which no run sends yet, and what happens to them."""

    def __init__(self, take: Take, database: Database, world: World) -> None:
        self._take, self._database, self._world = take, database, world
        noon = clock.now() + timedelta(hours=4)
        ends = noon + timedelta(hours=2)
        self._slot = {"starts_at": noon.isoformat(), "ends_at": ends.isoformat()}

    async def take(self, at: str) -> Order:
        return await self._take(at, fault_code="H26", appointment=self._slot)

    async def cancel(self, order: Order) -> None:
        async with self._database.transaction() as session:
            row = await session.get_one(WorkOrder, UUID(order["id"]))
            row.state = "CANCELLED"

    async def send(self, order: Order, crew: str) -> None:
        async with self._database.transaction() as session:
            row = await service.locked_any(session, UUID(order["id"]))
            await assignments.assign(
                session, row, self._world.crews[crew], Act.by_planner(), how="auto"
            )

    async def pin(self, order: Order, crew: str) -> None:
        async with self._database.transaction() as session:
            row = await service.locked_any(session, UUID(order["id"]))
            row.pinned, row.preferred_crew_id = True, self._world.crews[crew]


@pytest.fixture
def desk(take: Take, database: Database, world: World) -> Desk:
    return Desk(take, database, world)


@pytest.fixture
async def three(database: Database, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third station with the house 锦绣家园3 and the crew A3, and problems of three orders."""
    async with database.transaction() as session:
        station = Station(
            code="S03", name="站 S03", parent_id=world.stations["CO"], path="/CO/S03/"
        )
        session.add(station)
        await session.flush()
        for row, known in (
            (Building, world.buildings["锦绣家园3"]),
            (Crew, world.crews["A3"]),
            (Technician, world.technicians["tech04"]),
        ):
            await session.execute(
                update(row).where(col(row.id) == known).values(station_id=station.id)
            )
    world.stations["S03"] = station.id
    monkeypatch.setattr(policy, "MOST_ORDERS", 3)


@pytest.fixture
def meanwhile(solver: SolverHere) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """`meanwhile(act)`: what happens once while the next run searches, minutes after it began."""

    def arrange(act: Callable[[], Awaitable[None]]) -> None:
        async def once() -> None:
            solver.before = None
            clock.advance(FOUND_LATER)
            await act()

        solver.before = once

    return arrange


Meanwhile = Callable[[Callable[[], Awaitable[None]]], None]


async def known_everywhere(desk: Desk) -> list[Order]:
    """Four orders that wait at three stations: more than one problem takes."""
    homes = (AT_S01.format("1-101"), AT_S02.format("1-101"), AT_S02.format("1-102"))
    return [await desk.take(at) for at in (*homes, AT_S03.format("1-101"))]


@pytest.mark.usefixtures("three")
class TestWhatComesWhileALargeRunSearches:
    async def test_all_stations_get_its_plan_with_what_came_and_without_what_went(
        self,
        desk: Desk,
        plan: Run,
        meanwhile: Meanwhile,
        book: Book,
        database: Database,
        world: World,
    ) -> None:
        first, second, gone, third = await known_everywhere(desk)
        sent = await desk.take(AT_S01.format("2-201"))
        came: list[Order] = []
        own: list[PlanningRun] = []

        async def much() -> None:
            came.append(await desk.take(AT_S01.format("1-102")))
            await desk.cancel(gone)
            await desk.send(sent, "A2")
            own.append(await plan("S03"))
            visit = await book.visit(third)
            assert visit is not None and visit.run_id == own[0].id

        meanwhile(much)
        large = await plan("CO")
        assert own and large.result is not None and large.result["parts"]["steps"] == 3
        assert large.result["left_out"] == []
        visits = [await book.visit(each) for each in (first, second, third, *came)]
        assert [visit and visit.run_id for visit in visits] == [large.id] * 4
        [inserted] = large.result["merged"]["inserted"]
        assert inserted["order_id"] == came[0]["id"]
        assert [await book.visit(each) for each in (gone, sent)] == [None, None]
        held = next(r for r in large.result["routes"] if r["crew_code"] == "A2")["visits"][0]
        assert (held["order_id"], held["locked"]) == (sent["id"], True)
        assert large.result["churn"]["compared"] == 1, "the plan in force by now is S03's own"
        assert large.result["churn"]["moved"] == large.result["churn"]["dropped"] == 0
        assert sum(large.result["price"].values()) == large.result["total"]
        async with database.transaction() as session:
            stations = [world.stations[code] for code in ("S01", "S02", "S03")]
            assert not any([await is_behind(session, each) for each in stations])

    async def test_what_a_crew_cannot_have_any_more_goes_to_another_or_is_explained(
        self,
        desk: Desk,
        plan: Run,
        meanwhile: Meanwhile,
        book: Book,
        database: Database,
        world: World,
    ) -> None:
        first, second, _, third = await known_everywhere(desk)

        async def changed() -> None:
            await desk.pin(first, "A2")
            await offline(database, world, "tech04")

        meanwhile(changed)
        large = await plan("CO")
        assert large.result is not None and large.result["left_out"] == []
        visit = await book.visit(first)
        assert visit is not None and visit.crew_id == world.crews["A2"]
        assert await book.reasons(third) == ["no_crew_on_shift"]
        assert [each["crew_code"] for each in large.result["idle_crews"]] == ["A3"]
        assert (await book.visit(second)) is not None

    async def test_what_a_neighbour_has_no_time_for_any_more_goes_home(
        self,
        desk: Desk,
        plan: Run,
        meanwhile: Meanwhile,
        solver: SolverHere,
        book: Book,
        database: Database,
        world: World,
    ) -> None:
        first, second, *_ = await known_everywhere(desk)
        await offline(database, world, "tech01", "tech02", "tech03")
        crews: set[str | None] = set()

        async def back_and_early_home() -> None:
            async with database.transaction() as session:
                await session.execute(update(Presence).values(online=True))
                await session.execute(
                    update(Shift)
                    .where(col(Shift.crew_id) == world.crews["B1"])
                    .values(ends_at=clock.now() + timedelta(hours=1))
                )

        def seen(found: dispatch.Plan) -> dispatch.Plan:
            crews.add(found.crew_of.get(first["serial"]))
            return found

        meanwhile(back_and_early_home)
        solver.spoil = seen
        large = await plan("CO")
        assert crews == {None, "B1"}, "the search gave it across the border"
        visit = await book.visit(first)
        assert visit is not None and visit.run_id == large.id
        assert visit.crew_id in (world.crews["A1"], world.crews["A2"])
        assert await book.reasons(first) == []
        assert await book.visit(second) is None and await book.reasons(second) != []
        assert large.result is not None
        assert sum(large.result["price"].values()) == large.result["total"]

    async def test_what_fails_costs_no_more_than_the_merge(
        self,
        desk: Desk,
        plan: Run,
        meanwhile: Meanwhile,
        book: Book,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        first, *_ = await known_everywhere(desk)
        came: list[Order] = []

        async def too_much() -> None:
            homes = ("1-102", "2-201")
            came.extend([await desk.take(AT_S01.format(each)) for each in homes])
            monkeypatch.setattr(policy, "MOST_ORDERS", 2)

        meanwhile(too_much)
        large = await plan("CO")
        assert large.state == "published" and large.result is not None
        visit = await book.visit(first)
        assert visit is not None and visit.run_id == large.id
        assert [await book.visit(each) for each in came] == [None, None]

    async def test_a_question_is_answered_as_of_when_it_was_asked(
        self, desk: Desk, planner: Planner, meanwhile: Meanwhile, book: Book, world: World
    ) -> None:
        known = await known_everywhere(desk)

        async def news() -> None:
            await desk.take(AT_S01.format("1-102"))

        meanwhile(news)
        async with planner.database.transaction() as session:
            asked = PlanningRun(
                station_id=world.stations["CO"],
                state="queued",
                trigger="manual",
                horizon_s=policy.DEFAULT_HORIZON_S,
                budget_s=1.0,
                requested_at=clock.now(),
                publish=False,
            )
            session.add(asked)
        began = clock.now()
        await run.execute(planner, asked.id)
        async with planner.database.transaction() as session:
            found = (await session.get_one(PlanningRun, asked.id)).result
        assert found is not None and found["planned_at"] == began.isoformat()
        served = {visit["order_id"] for route in found["routes"] for visit in route["visits"]}
        assert served == {each["id"] for each in known}
        assert found["merged"] == {"inserted": [], "not_fitting": []}
        assert await book.visit(known[0]) is None
