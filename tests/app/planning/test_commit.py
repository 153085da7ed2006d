"""The commit step: who is sent a due visit now, where the plan's crew is held up."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import update

from app.core import clock
from app.core.db import Database
from app.planning import policy
from app.planning.commit import commit_due
from app.planning.commit_schemas import SentOut
from app.planning.context import Planner
from app.planning.models import PlannedVisit
from app.planning.repository import is_behind
from tests.app.planning.conftest import EAST, WEST, Book, Run, Stuck, Take, stand
from tests.conftest import Headers
from tests.factories.world import World


class TestHandedOver:
    async def test_a_free_neighbour_gets_what_a_crew_that_does_not_answer_holds_up(
        self,
        stuck: Stuck,
        planner: Planner,
        book: Book,
        database: Database,
        world: World,
        client: httpx.AsyncClient,
        as_: Headers,
    ) -> None:
        [order] = await stuck(EAST)
        await stand(database, world, "A2", 117.041, 36.66)
        done = await commit_due(planner, world.stations["S01"])
        [sent] = done.shown()["committed"]
        assert SentOut.model_validate(sent).model_dump(mode="json") == sent
        assert sent["crew_id"] == str(world.crews["A2"])
        assert sent["from_crew_id"] == str(world.crews["A3"])
        assert sent["saved_s"] == sum(sent["terms_s"].values()) > 0
        assert sent["terms_s"]["move"] == -policy.HAND_OVER_S and sent["terms_s"]["late"] > 600
        assert await book.state(order) == "SENT" and await book.visit(order) is None
        url = f"/work-orders/{order['id']}/plan"
        why = (await client.get(url, headers=as_("chief1"))).json()["why"]
        assert (why["decided_by"], why["moved_from"]) == ("commit", "A3")
        assert why["chosen"]["crew_code"] == "A2" and why["others"][0]["crew_code"] == "A3"
        assert why["others"][0]["dearer_s"] == sent["saved_s"]
        for each in (why["chosen"], *why["others"]):
            assert sum(each["terms_s"].values()) == each["price_s"]
        assert "A3 was unanswered for 8 min" in why["en"] and "未接单" in why["zh"]
        assert why["planned_at"] == clock.now().isoformat().replace("+00:00", "Z")
        async with database.transaction() as session:
            said = "SELECT reason FROM assignments WHERE order_id = :id"
            [reason] = (await session.execute(text(said), {"id": order["id"]})).scalars()
            assert reason.startswith("commit step: A2 +") and "instead of A3 +" in reason
            assert "in late" in reason
            assert await is_behind(session, world.stations["S01"]), "both days are others now"

    async def test_the_price_of_a_move_holds_back_what_saves_little(
        self, stuck: Stuck, planner: Planner, book: Book, database: Database, world: World
    ) -> None:
        [order] = await stuck(EAST, overdue=False)
        await stand(database, world, "A2", 117.02, 36.65)
        done = await commit_due(planner, world.stations["S01"])
        assert done.sent == {} and done.refused == []
        visit = await book.visit(order)
        assert visit is not None and visit.crew_id == world.crews["A3"]

    async def test_two_visits_and_two_crews_are_paired_as_a_whole(
        self, stuck: Stuck, planner: Planner, database: Database, world: World
    ) -> None:
        """A1 is the nearest to both; the cheapest pairing gives it the one that A2 is far from."""
        west, east = await stuck(WEST, EAST)
        await stand(database, world, "A1", 117.028, 36.654)
        await stand(database, world, "A2", 117.008, 36.65)
        done = await commit_due(planner, world.stations["S01"])
        assert done.sent == {
            UUID(west["id"]): world.crews["A2"],
            UUID(east["id"]): world.crews["A1"],
        }

    async def test_a_crew_gives_no_more_away_than_one_plan_may_take_from_it(
        self, stuck: Stuck, planner: Planner, database: Database, world: World
    ) -> None:
        await stuck(EAST)
        await stand(database, world, "A2", 117.041, 36.66)
        async with database.transaction() as session:
            lost = f'{{"A3": {policy.MOST_MOVES}}}'
            await session.execute(
                text("UPDATE planning_runs SET result = jsonb_set(result, '{churn,lost}', :lost)"),
                {"lost": lost},
            )
        assert (await commit_due(planner, world.stations["S01"])).sent == {}

    @pytest.mark.parametrize("against", ["pinned", "banned", "skill", "shift_over"])
    async def test_who_may_not_have_it_is_not_asked(
        self,
        stuck: Stuck,
        planner: Planner,
        database: Database,
        world: World,
        against: str,
    ) -> None:
        needs = {"fault_code": "H01"} if against == "skill" else {}
        [order] = await stuck(EAST, **needs)
        await stand(database, world, "A2", 117.041, 36.66)
        async with database.transaction() as session:
            await session.execute(text(AGAINST[against]), {"order": order["id"]} | ids(world))
        assert (await commit_due(planner, world.stations["S01"])).sent == {}


AGAINST = {
    "pinned": "UPDATE work_orders SET pinned = true, preferred_crew_id = :a3 WHERE id = :order",
    "banned": "INSERT INTO assignments (id, order_id, crew_id, how, assigned_at, ended_at,"
    " ended_why) SELECT gen_random_uuid(), :order, :a2, 'manual', at, at, 'refused'"
    " FROM (SELECT CAST(:now AS timestamptz) - interval '1 minute' AS at) then_",
    "skill": "DELETE FROM technician_skills WHERE skill = 'HB' AND technician_id = :tech03",
    "shift_over": "UPDATE shifts SET ends_at = CAST(:now AS timestamptz) + interval '1 second'"
    " WHERE crew_id = :a2",
}


def ids(world: World) -> dict[str, Any]:
    return {
        "a1": world.crews["A1"],
        "a2": world.crews["A2"],
        "a3": world.crews["A3"],
        "tech03": world.technicians["tech03"],
        "now": clock.now(),
    }


class NoRoads:
    """A routing engine that nobody may ask."""

    async def matrix(self, *_: Any) -> Any:
        raise AssertionError("roads were asked")


class TestOnTime:
    async def test_crews_that_keep_to_their_day_cost_no_road_and_no_snapshot(
        self, take: Take, plan: Run, planner: Planner, database: Database, world: World, book: Book
    ) -> None:
        slot_at = clock.now() + timedelta(hours=4)
        slot = {
            "starts_at": slot_at.isoformat(),
            "ends_at": (slot_at + timedelta(hours=1)).isoformat(),
        }
        order = await take(EAST, fault_code="H26", appointment=slot)
        await plan()
        assert await book.state(order) == "NEW"
        async with database.transaction() as session:
            await session.execute(update(PlannedVisit).values(start_at=clock.now()))
        blind = Planner(database, NoRoads(), planner.solver)  # type: ignore[arg-type]
        done = await commit_due(blind, world.stations["S01"])
        assert list(done.sent) == [UUID(order["id"])] and done.handed_over == {}
