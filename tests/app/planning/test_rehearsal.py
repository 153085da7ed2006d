"""What danger does is done once before danger comes, and nothing comes of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import dispatch
from app.core import clock
from app.core.db import Database
from app.planning import danger as at_once
from app.planning.context import Planner
from tests.app.planning.conftest import Book, Take
from tests.app.planning.test_danger import RoadsWhile, events
from tests.factories.world import World


class TestRehearsal:
    async def test_a_waiting_order_is_priced_on_roads_and_nothing_comes_of_it(
        self, take: Take, planner: Planner, book: Book, database: Database
    ) -> None:
        asked: list[str] = []

        async def note() -> None:
            asked.append("roads")

        order = await take(fault_code="H26")
        known = await events(database, order)
        listening = Planner(planner.database, RoadsWhile(planner, note), planner.solver)  # type: ignore[arg-type]
        assert await at_once.rehearse(listening)
        assert asked, "what danger does first is done once"
        assert await book.state(order) == "NEW"
        assert await book.visit(order) is None
        assert await events(database, order) == known

    async def test_without_a_waiting_order_there_is_nothing_to_rehearse(
        self, planner: Planner, world: World
    ) -> None:
        assert not await at_once.rehearse(planner)

    async def test_what_lies_beyond_the_horizon_is_passed_over(
        self, take: Take, planner: Planner, world: World
    ) -> None:
        opens = clock.now() + timedelta(hours=20)
        slot = {"starts_at": opens.isoformat(), "ends_at": (opens + timedelta(hours=1)).isoformat()}
        await take(fault_code="H26", appointment=slot)
        assert not await at_once.rehearse(planner)
        later = await take(at="锦绣家园1-1-102", fault_code="H26")
        near = await at_once._near(planner, UUID(later["id"]))
        assert near is not None
        job, snapshot = near
        assert await at_once._case_of(planner, job, replace(snapshot, jobs=())) is None
        assert await at_once.rehearse(planner)

    async def test_it_is_priced_as_danger_is(
        self, take: Take, planner: Planner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        urgent: list[bool] = []
        insert = dispatch.insert

        def noted(problem: dispatch.Problem, plan: dispatch.Plan, serial: str) -> Any:
            urgent.append(problem.order_by_id[serial].emergency)
            return insert(problem, plan, serial)

        monkeypatch.setattr(dispatch, "insert", noted)
        await take(fault_code="H26")
        assert await at_once.rehearse(planner)
        assert urgent == [True]
