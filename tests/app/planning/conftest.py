"""A planner without a worker: straight-line roads, and the real solver in this process."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, select, update

import dispatch
from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.organisation.models import Presence
from app.planning import run
from app.planning.context import Planner
from app.planning.models import PlannedVisit, PlanningRun, UnplannedOrder
from app.planning.repository import raise_dirty
from app.work_orders.models import WorkOrder
from routing import CHINA_CITY, Estimate, Traffic
from tests.conftest import Headers
from tests.factories.world import World

Take = Callable[..., Awaitable[dict[str, Any]]]
Run = Callable[..., Awaitable[PlanningRun]]
Stuck = Callable[..., Awaitable[list[dict[str, Any]]]]
EAST, WEST = "锦绣家园3-1-101", "锦绣家园1-1-101"
AIR_LOCK = "H04"
PEOPLE = {"A1": ("tech01", "tech02"), "A2": ("tech03",), "A3": ("tech04",)}


class SolverHere:
    """The real planner without its process; `before` runs while the search would."""

    def __init__(self) -> None:
        self.before: Callable[[], Awaitable[None]] | None = None
        self.spoil: Callable[[dispatch.Plan], dispatch.Plan] | None = None
        self.problem: dispatch.Problem | None = None
        self.seconds = 0.0

    async def solve(
        self, problem: dispatch.Problem, seconds: float, warm_start: Mapping[str, Sequence[str]]
    ) -> dispatch.Plan:
        self.problem, self.seconds = problem, seconds
        if self.before is not None:
            await self.before()
        budget = dispatch.Budget(seconds=max(seconds, 1.0), solutions=20)
        plan = dispatch.solve(problem, budget, warm_start=warm_start)
        return self.spoil(plan) if self.spoil else plan

    async def choose(
        self, candidates: Sequence[dispatch.Candidate], capacity: Mapping[str, int]
    ) -> dict[str, str]:
        return dispatch.choose_commits(candidates, capacity)


@pytest.fixture
def solver() -> SolverHere:
    return SolverHere()


@pytest.fixture
def planner(app: FastAPI, database: Database, solver: SolverHere) -> Planner:
    traffic = Traffic(CHINA_CITY, ZoneInfo("Asia/Shanghai"))
    return Planner(database, Estimate(traffic), solver)


@pytest.fixture
def take(client: httpx.AsyncClient, world: World, as_: Headers) -> Take:
    """`await take(fault_code="H01", at="锦绣家园1-1-101")`: a reported order."""

    async def post(at: str = "锦绣家园1-1-101", **changes: Any) -> dict[str, Any]:
        body = {
            "caller": {"name": "王女士", "phone": "13900000001"},
            "premises_id": str(world.premises[at]),
            "fault_code": "H01",
            "description": "全屋不热",
        } | changes
        answer = await client.post("/work-orders", json=body, headers=as_("agent"))
        assert answer.status_code == 201, answer.text
        taken: dict[str, Any] = answer.json()
        return taken

    return post


@pytest.fixture
def plan(planner: Planner, world: World) -> Run:
    """`await plan("S01")`: one run from load to commit; returns its row."""

    async def execute(station: str = "S01", **_: Any) -> PlanningRun:
        async with planner.database.transaction() as session:
            await raise_dirty(session, world.stations[station])
        run_id = await run.begin_if_behind(planner.database, world.stations[station])
        assert run_id is not None
        await run.execute(planner, run_id)
        async with planner.database.transaction() as session:
            return await session.get_one(PlanningRun, run_id)

    return execute


class Book:
    """What the database says of an order after a run."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def visit(self, order: Mapping[str, Any]) -> PlannedVisit | None:
        async with self.database.transaction() as session:
            return await session.get(PlannedVisit, UUID(order["id"]))

    async def reasons(self, order: Mapping[str, Any]) -> list[str]:
        async with self.database.transaction() as session:
            row = await session.get(UnplannedOrder, UUID(order["id"]))
            return [each["code"] for each in row.reasons] if row else []

    async def state(self, order: Mapping[str, Any]) -> str:
        async with self.database.transaction() as session:
            query = select(WorkOrder.state).where(WorkOrder.id == UUID(order["id"]))
            return (await session.exec(query)).one()


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


async def stand(database: Database, world: World, crew: str, lon: float, lat: float) -> None:
    """The crew is on line, there."""
    seen = {"online": True, "location": point(lon, lat), "seen_at": clock.now()}
    await _presence(database, world, crew, seen)


async def _presence(database: Database, world: World, crew: str, values: dict[str, Any]) -> None:
    ids = [world.technicians[name] for name in PEOPLE[crew]]
    async with database.transaction() as session:
        await session.execute(
            update(Presence).where(col(Presence.technician_id).in_(ids)).values(values)
        )


@pytest.fixture
def stuck(take: Take, plan: Run, database: Database, world: World) -> Stuck:
    """`await stuck(EAST)`: A3, alone on line, does not answer for eight minutes; what is due beside
    that is planned for it, and overdue."""

    async def held(*places: str, overdue: bool = True, **order: Any) -> list[dict[str, Any]]:
        for crew in ("A1", "A2"):
            await _presence(database, world, crew, {"online": False})
        await take("锦绣家园1-1-102", fault_code=AIR_LOCK)
        await plan()
        due = [await take(at, **({"fault_code": AIR_LOCK} | order)) for at in places]
        await plan()
        clock.advance(timedelta(minutes=8))
        async with database.transaction() as session:
            soon = clock.now() + timedelta(minutes=20)
            await session.execute(update(PlannedVisit).values(start_at=soon))
            if overdue:
                ids = [UUID(each["id"]) for each in due]
                late = update(WorkOrder).where(col(WorkOrder.id).in_(ids))
                await session.execute(late.values(arrive_by=clock.now()))
        await stand(database, world, "A3", 117.02, 36.65)
        return due

    return held
