"""Orders that come while the search runs are merged into its plan."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, update

from app.core import clock
from app.core.db import Database
from app.organisation.models import Shift
from app.planning import run
from app.planning.context import Planner
from app.planning.models import PlannedVisit, PlanningRun
from app.planning.repository import is_behind, raise_dirty
from routing import EngineFailed
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.app.planning.test_run import offline
from tests.factories.world import World


class RoadsOnce:
    """An engine that answers once; then it fails, or it has fallen back and all takes longer."""

    def __init__(self, planner: Planner, then: Exception | None) -> None:
        self.engine, self.then = planner.engine, then
        self.asked: list[tuple[int, int]] = []

    async def matrix(self, sources: Any, targets: Any, depart_at: Any) -> Any:
        self.asked.append((len(sources), len(targets)))
        found = await self.engine.matrix(sources, targets, depart_at)
        if len(self.asked) == 1:
            return found
        if self.then is not None:
            raise self.then
        return replace(found, seconds=found.seconds * 3 // 2)


@pytest.fixture
def comes(solver: SolverHere, take: Take) -> list[dict[str, Any]]:
    """Filled with the order that comes while the search runs."""
    came: list[dict[str, Any]] = []
    noon = clock.now() + timedelta(hours=4)
    slot = {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}

    async def report() -> None:
        if not came:
            came.append(await take("锦绣家园3-1-102", fault_code="H26", appointment=slot))

    solver.before = report
    return came


class TestMerge:
    async def test_a_new_order_is_published_with_the_plan_and_planned_again_with_the_next(
        self,
        take: Take,
        plan: Run,
        comes: list[dict[str, Any]],
        book: Book,
        planner: Planner,
        world: World,
    ) -> None:
        known = await take()
        found = await plan()
        assert found.result is not None
        [inserted] = found.result["merged"]["inserted"]
        assert inserted["order_id"] == comes[0]["id"]
        visit = await book.visit(comes[0])
        assert visit is not None and visit.run_id == found.id
        assert world.crews[inserted["crew_code"]] == visit.crew_id
        assert await book.state(known) == "SENT"
        assert sum(found.result["price"].values()) == found.result["total"]
        assert "merging" in found.result["timings_s"]
        async with planner.database.transaction() as session:
            station = world.stations["S01"]
            assert not await is_behind(session, station), "the report's own request comes later"
            await raise_dirty(session, station)
            assert await is_behind(session, station)

    async def test_what_fits_nowhere_is_told_with_its_reason(
        self,
        take: Take,
        plan: Run,
        comes: list[dict[str, Any]],
        book: Book,
        database: Database,
        world: World,
    ) -> None:
        async with database.transaction() as session:
            await session.execute(
                update(Shift)
                .where(col(Shift.crew_id).in_(list(world.crews.values())))
                .values(ends_at=clock.now() + timedelta(minutes=90))
            )
        await take()
        found = await plan()
        assert found.result is not None
        assert found.result["merged"]["inserted"] == []
        assert [e["serial"] for e in found.result["merged"]["not_fitting"]] == [comes[0]["serial"]]
        assert (await book.reasons(comes[0]))[0] == "no_crew_on_shift"

    async def test_danger_that_comes_meanwhile_is_sent_with_the_plan(
        self,
        take: Take,
        plan: Run,
        solver: SolverHere,
        book: Book,
        database: Database,
        world: World,
    ) -> None:
        await offline(database, world, "tech01", "tech02", "tech03")
        came: list[dict[str, Any]] = []

        async def report() -> None:
            came.append(await take("锦绣家园3-1-102", fault_code="H07"))

        solver.before = report
        await take()
        await plan()
        assert await book.state(came[0]) == "SENT"

    @pytest.mark.parametrize("then", [EngineFailed("no roads"), KeyError("odd"), None], ids=repr)
    async def test_what_fails_costs_no_more_than_the_merge(
        self,
        take: Take,
        planner: Planner,
        comes: list[dict[str, Any]],
        book: Book,
        world: World,
        then: Exception | None,
    ) -> None:
        known = await take()
        engine = RoadsOnce(planner, then)
        half_blind = Planner(planner.database, engine, planner.solver)  # type: ignore[arg-type]
        async with planner.database.transaction() as session:
            await raise_dirty(session, world.stations["S01"])
        run_id = await run.begin_if_behind(planner.database, world.stations["S01"])
        assert run_id is not None
        await run.execute(half_blind, run_id)
        async with planner.database.transaction() as session:
            kept = await session.get_one(PlanningRun, run_id)
            assert kept.state == "published" and kept.result is not None
            told = kept.result["merged"]
            visit = await session.get(PlannedVisit, UUID(comes[0]["id"]))
        merges = then is None
        assert (len(told["inserted"]), len(told["not_fitting"])) == (merges, not merges)
        assert (visit is not None) == merges
        assert await book.state(known) == "SENT"
        count = engine.asked[0][0]
        assert engine.asked[1:] == [(1, count + 1), (count, 1)][: 1 + merges], "only what is new"
