"""What danger reads of its surroundings is what the snapshot of the whole station says of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, update

from app.core import clock
from app.core.db import Database
from app.planning.context import Planner
from app.planning.danger import dispatch_danger
from app.planning.load import load
from app.planning.load_near import load_near
from app.planning.models import PlannedVisit
from app.planning.snapshot import Job, Snapshot
from app.work_orders import assignments, service
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder
from tests.app.planning.conftest import Run, Take, stand
from tests.app.planning.test_lending import FAR_EAST, near, slot
from tests.app.planning.test_nearby import nearby
from tests.app.planning.test_run import offline
from tests.factories.world import World

__all__ = ["near"]
HORIZON_S = 12 * 3600
ERRANDS = {"S01": "锦绣家园3-1-101", "S02": FAR_EAST}


async def both(
    database: Database, world: World, order: dict[str, Any], most: int, helpers: int
) -> tuple[Snapshot, Snapshot]:
    """Of the whole station, and read near the order alone; at the same instant."""
    at = clock.now()
    async with database.transaction() as session:
        whole = await load(session, world.stations["S01"], at, HORIZON_S)
    asked = next(job for job in whole.jobs if str(job.id) == order["id"])
    found = await read_near(database, order, most, helpers)
    assert found is not None and found[0] == asked
    return nearby(whole, asked, most, helpers), replace(found[1], dirty_seqs=whole.dirty_seqs)


async def read_near(
    database: Database, order: dict[str, Any], most: int = 1, helpers: int = 0
) -> tuple[Job, Snapshot] | None:
    async with database.transaction() as session:
        return await load_near(session, UUID(order["id"]), clock.now(), HORIZON_S, most, helpers)


def same(whole: Snapshot, found: Snapshot) -> bool:
    """Idle crews and what lies beyond the horizon are nothing to danger."""
    return found == replace(whole, idle_crews=(), beyond=())


@pytest.fixture
async def busy(
    near: None, take: Take, plan: Run, planner: Planner, database: Database, world: World
) -> dict[str, Any]:
    """Danger beside crews that hold orders, have visits at home and away, and one that was banned;
    returned is the danger that waits."""
    for each, lon in (("A1", 117.02), ("A2", 117.05), ("A3", 117.08)):
        await stand(database, world, each, lon, 36.65)
    await take(FAR_EAST, fault_code="H26", appointment=slot(3))
    await plan("S02")
    for at in ("锦绣家园1-1-101", "锦绣家园1-2-201", "锦绣家园3-1-101"):
        await take(at, fault_code="H26", appointment=slot(4))
    await plan()
    held = await take("锦绣家园1-1-102", fault_code="H07")
    assert await dispatch_danger(planner, UUID(held["id"])) is not None
    wish = await take("锦绣家园3-2-201")
    danger = await take("锦绣家园3-1-102", fault_code="H07")
    assert await dispatch_danger(planner, UUID(danger["id"])) is not None
    async with database.transaction() as session:
        row = await service.locked_any(session, UUID(danger["id"]))
        await assignments.withdraw(session, row, Act.by_timer(), "a test")
        await session.execute(
            update(WorkOrder)
            .where(col(WorkOrder.id) == UUID(wish["id"]))
            .values(preferred_crew_id=world.crews["A2"])
        )
    clock.advance(timedelta(minutes=1))
    return danger


class TestLoadNear:
    @pytest.mark.parametrize(("most", "helpers"), [(1, 0), (1, 1), (2, 1), (16, 8)])
    async def test_it_is_the_part_of_the_whole_that_the_nearest_crews_make(
        self, busy: dict[str, Any], database: Database, world: World, most: int, helpers: int
    ) -> None:
        whole, found = await both(database, world, busy, most, helpers)
        assert len(found.crews) == min(most + helpers, 4)
        assert same(whole, found)

    @pytest.mark.parametrize("held", [False, True])
    async def test_who_has_something_to_do_there_is_near(
        self, held: bool, take: Take, plan: Run, database: Database, world: World
    ) -> None:
        later = {} if held else {"fault_code": "H26", "appointment": slot(4)}
        errand = await take("锦绣家园3-1-101", **later)
        await plan()
        table = "assignments" if held else "planned_visits"
        async with database.transaction() as session:
            query = text(f"SELECT crew_id FROM {table} WHERE order_id = :order")
            going = (await session.execute(query, {"order": errand["id"]})).scalar_one()
        for code in ("A1", "A2", "A3"):
            lon = 117.5 if world.crews[code] == going else 117.2
            await stand(database, world, code, lon, 36.65)
        danger = await take("锦绣家园3-1-102", fault_code="H07")
        found = await read_near(database, danger)
        assert found is not None and [crew.id for crew in found[1].crews] == [going]

    @pytest.mark.parametrize(
        ("of", "opens_min", "is_near"),
        [("S01", 20, True), ("S01", 40, False), ("S02", 40, True)],
    )
    async def test_of_the_horizon_it_thinks_as_the_snapshot_of_the_whole(
        self,
        of: str,
        opens_min: int,
        is_near: bool,
        near: None,
        take: Take,
        plan: Run,
        database: Database,
        world: World,
    ) -> None:
        """A slot counts from half an hour before it, and what others' plans gave a crew always."""
        errand = await take(ERRANDS[of], fault_code="H26", appointment=slot(4))
        await plan(of)
        opens = clock.now() + timedelta(seconds=HORIZON_S, minutes=opens_min)
        ends = opens + timedelta(hours=1)
        async with database.transaction() as session:
            visit = await session.get_one(PlannedVisit, UUID(errand["id"]))
            visit.crew_id = world.crews["A3"]
            booked = update(WorkOrder).where(col(WorkOrder.id) == UUID(errand["id"]))
            await session.execute(booked.values(appointment_from=opens, appointment_to=ends))
        for code, lon in (("A1", 118.0), ("A2", 118.2), ("A3", 118.5)):
            await stand(database, world, code, lon, 36.65)
        await offline(database, world, "tech05", "tech06")
        danger = await take("锦绣家园3-1-102", fault_code="H07")
        whole, found = await both(database, world, danger, 1, 0)
        assert same(whole, found)
        assert [crew.code for crew in found.crews] == ["A3" if is_near else "A1"]

    async def test_of_what_others_do_nothing_is_read(
        self, busy: dict[str, Any], database: Database, world: World
    ) -> None:
        _, all_of_it = await both(database, world, busy, 16, 8)
        _, found = await both(database, world, busy, 1, 0)
        assert all_of_it.elsewhere and any(crew.held for crew in all_of_it.crews)
        assert len(found.jobs) < len(all_of_it.jobs)

    async def test_a_joint_crew_keeps_its_members_crews_busy(
        self, take: Take, database: Database, world: World
    ) -> None:
        joint = await take("锦绣家园1-1-101")
        people = [world.technicians["tech01"], world.technicians["tech03"]]
        async with database.transaction() as session:
            row = await service.locked_any(session, UUID(joint["id"]))
            await assignments.form_joint_crew(
                session, row, people, people[0], Act.by_timer(), "two hands"
            )
        danger = await take("锦绣家园3-1-101", fault_code="H07")
        whole, found = await both(database, world, danger, 16, 8)
        assert same(whole, found)
        parts = {crew.code for crew in found.crews for held in crew.held if held.part}
        assert parts == {"A1", "A2"}

    async def test_what_does_not_wait_is_not_read(
        self, take: Take, planner: Planner, database: Database
    ) -> None:
        order = await take(fault_code="H07")
        assert await read_near(database, order) is not None
        assert await dispatch_danger(planner, UUID(order["id"])) is not None
        assert await read_near(database, order) is None

    async def test_it_reads_one_instant(self, take: Take, database: Database) -> None:
        order = await take(fault_code="H07")
        async with database.transaction() as session:
            await load_near(session, UUID(order["id"]), clock.now(), HORIZON_S, 1, 0)
            level = text("SELECT current_setting('transaction_isolation')")
            assert (await session.execute(level)).scalar_one() == "repeatable read"
