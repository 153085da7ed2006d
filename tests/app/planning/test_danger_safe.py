"""Danger breaks no rule of a plan, and nothing of a newer one."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

import dispatch
from app.core.db import Database
from app.planning.context import Planner
from app.planning.danger import dispatch_danger
from app.planning.models import PlannedVisit, SentReason
from tests.app.planning.conftest import Book, Run, Take
from tests.app.planning.test_danger import ONLY_A3, RoadsWhile, events, in_the_afternoon
from tests.app.planning.test_run import offline
from tests.factories.world import World


class TestDispatchDanger:
    async def test_a_proposal_that_breaks_a_rule_is_neither_sent_nor_named(
        self,
        take: Take,
        planner: Planner,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        order = await take(fault_code="H07")
        insert = dispatch.insert
        found: list[dispatch.Proposal] = []
        checked: list[Any] = []

        def remembered(*args: Any) -> Any:
            found.extend(insert(*args))
            return tuple(found)

        def objecting(*args: Any) -> list[str]:
            checked.append(args)
            return ["a rule of the test"] if len(checked) == 1 else []

        monkeypatch.setattr(dispatch, "insert", remembered)
        monkeypatch.setattr(dispatch, "check", objecting)
        sent = await dispatch_danger(planner, UUID(order["id"]))
        broken, second, third = (proposal.crew_id for proposal in found)
        assert sent == world.crews[second]
        assert len(checked) == 2, "nobody is checked who need not be asked"
        assert f"ALERT the insertion of {order['serial']} broke its rules" in caplog.text
        reason = (await events(database, order))[-1][1]
        assert reason is not None and reason.startswith(f"danger at once: {second} ")
        assert f"next {third} " in reason and broken not in reason
        async with database.transaction() as session:
            kept = (await session.exec(select(SentReason))).one()
        assert kept.reason is not None
        assert [each["crew_code"] for each in kept.reason["others"]] == [third]

    async def test_a_visit_that_a_newer_plan_moved_meanwhile_stays_as_that_has_it(
        self, take: Take, plan: Run, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        await offline(database, world, *ONLY_A3)
        calm = [
            await take(at, **in_the_afternoon()) for at in ("锦绣家园1-1-101", "锦绣家园3-1-101")
        ]
        await plan()
        moved, kept = calm
        danger = await take("锦绣家园3-2-201", fault_code="H07")
        newer = {"crew_id": world.crews["A2"], "position": 7, "travel_s": 77}
        older = {"position": 9, "travel_s": 99}

        async def replan() -> None:
            """To the one it gives another crew, to the other only another drive."""
            async with database.transaction() as session:
                for order, values in ((moved, newer), (kept, older)):
                    visit = await session.get_one(PlannedVisit, UUID(order["id"]))
                    visit.sqlmodel_update(values)

        busy = Planner(planner.database, RoadsWhile(planner, replan), planner.solver)  # type: ignore[arg-type]
        assert await dispatch_danger(busy, UUID(danger["id"])) == world.crews["A3"]
        visit = await book.visit(moved)
        assert visit is not None
        assert {name: getattr(visit, name) for name in newer} == newer
        visit = await book.visit(kept)
        assert visit is not None and visit.crew_id == world.crews["A3"]
        assert visit.position < 3 and visit.travel_s != older["travel_s"], (
            "what stayed is written anew"
        )
