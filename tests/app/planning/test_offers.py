"""Others are asked for held-up visits: whom, how often, and what of it is sent."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.core import clock
from app.core.db import Database
from app.planning import commit, commit_rows, offers, policy
from app.planning.commit import commit_due
from app.planning.context import Planner
from app.planning.handover import hand_over
from app.planning.held_up import held_up
from app.planning.offers import Offers, agreed, offers_of
from app.planning.takers import Takers
from tests.app.planning.conftest import AIR_LOCK, EAST, WEST, Book, Stuck, Take, stand
from tests.conftest import Headers
from tests.factories.world import World

ACCEPTED = "UPDATE work_orders SET state = 'ACCEPTED' WHERE state = 'SENT'"
CHANGED = {
    "pinned": "UPDATE work_orders SET pinned = true, preferred_crew_id = :A3 WHERE id = :order",
    "moved": "UPDATE planned_visits SET crew_id = :A1 WHERE order_id = :order",
    "no_room": "UPDATE assignments SET crew_id = :A2 WHERE ended_at IS NULL",
}


async def priced(planner: Planner, world: World) -> Offers:
    """What others would take held-up visits for, as the commit step asks them."""
    async with planner.database.transaction() as session:
        soon = clock.now() + timedelta(minutes=45)
        due = await commit_rows.due_visits(session, [world.stations["S01"]], soon)
        hands = await commit_rows.hands_of(session, {visit.crew_id for visit in due})
    return await offers_of(planner, held_up(due, hands, clock.now()))


async def do(database: Database, statement: str, world: World, **values: Any) -> None:
    """Crews are named by their codes."""
    known = world.crews | values
    async with database.transaction() as session:
        named = {name: value for name, value in known.items() if f":{name}" in statement}
        await session.execute(text(statement), named)


class TestAsked:
    async def test_a_neighbour_that_does_not_answer_either_is_not_asked(
        self,
        stuck: Stuck,
        take: Take,
        planner: Planner,
        database: Database,
        world: World,
        client: httpx.AsyncClient,
        as_: Headers,
    ) -> None:
        [order] = await stuck(EAST)
        await stand(database, world, "A2", 117.041, 36.66)
        other = await take("锦绣家园3-1-102", fault_code=AIR_LOCK)
        body = {"crew_id": str(world.crews["A2"]), "reason": "nearest"}
        url = f"/work-orders/{other['id']}/assign"
        assert (await client.post(url, json=body, headers=as_("dispatcher"))).is_success
        assert await priced(planner, world) == {}
        clock.advance(policy.ASKED_FOR)
        await do(database, ACCEPTED + " AND id = :other", world, other=other["id"])
        assert list(await priced(planner, world)) == [UUID(order["id"])]

    async def test_what_was_asked_just_now_is_not_asked_again(
        self,
        stuck: Stuck,
        planner: Planner,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await stuck(EAST, overdue=False)
        await stand(database, world, "A2", 117.02, 36.65)
        asked = []

        async def counted(*args: Any) -> Any:
            asked.append(clock.now())
            return await takers_of(*args)

        takers_of = offers.takers_of
        monkeypatch.setattr(offers, "takers_of", counted)
        for _ in range(3):
            assert (await commit_due(planner, world.stations["S01"])).sent == {}
            clock.advance(timedelta(minutes=1))
        assert len(asked) == 2 and asked[1] - asked[0] == policy.ASKED_FOR

    async def test_what_needs_no_price_is_sent_before_any_is_asked(
        self,
        stuck: Stuck,
        planner: Planner,
        database: Database,
        world: World,
        book: Book,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        own, danger, held = await stuck(WEST, EAST, "锦绣家园3-1-102")
        await stand(database, world, "A2", 117.041, 36.66)
        theirs = "UPDATE planned_visits SET crew_id = :A2 WHERE order_id = :order"
        await do(database, theirs, world, order=own["id"])
        urgent = "UPDATE work_orders SET service_class = 'E1' WHERE id = :order"
        await do(database, urgent, world, order=danger["id"])

        async def asked(_: Planner, visits: Any) -> Offers:
            assert [str(each.visit.order_id) for each in visits] == [held["id"]]
            assert await book.state(own) == await book.state(danger) == "SENT"
            return {}

        monkeypatch.setattr(commit, "offers_of", asked)
        done = await commit_due(planner, world.stations["S01"])
        assert done.sent == {
            UUID(own["id"]): world.crews["A2"],
            UUID(danger["id"]): world.crews["A3"],
        }


class TestAgreed:
    async def test_the_second_for_one_neighbour_does_not_pay_beside_the_first(
        self, stuck: Stuck, planner: Planner, database: Database, world: World
    ) -> None:
        await stuck(WEST, EAST)
        await stand(database, world, "A2", 117.03, 36.655)
        found = await priced(planner, world)
        a2 = world.crews["A2"]
        assert len(found) == 2 and all(a2 in each.worth_it for each in found.values())
        first = max(found, key=lambda order: found[order].worth_it[a2].saved_s)
        assert list(agreed(found, dict.fromkeys(found, a2))) == [first]

    async def test_what_the_independent_check_refuses_stays_planned(
        self,
        stuck: Stuck,
        planner: Planner,
        database: Database,
        world: World,
        book: Book,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        [order] = await stuck(EAST)
        await stand(database, world, "A2", 117.041, 36.66)
        places = Takers._places

        def too_early(self: Takers, *args: Any) -> Any:
            for place in places(self, *args):
                first, *rest = place.route.visits
                visits = (first._replace(start_s=first.arrival_s - 1), *rest)
                yield replace(place, route=replace(place.route, visits=visits))

        monkeypatch.setattr(Takers, "_places", too_early)
        found = await priced(planner, world)
        before = [each.takers._insertions.plan for each in found.values()]
        assert agreed(found, {UUID(order["id"]): world.crews["A2"]}) == {}
        assert "ALERT handing" in caplog.text
        assert [each.takers._insertions.plan for each in found.values()] == before
        clock.advance(policy.ASKED_FOR)
        done = await commit_due(planner, world.stations["S01"])
        assert done.sent == {} and await book.visit(order) is not None


class TestChanged:
    """Between the price and the sending"""

    @pytest.mark.parametrize("changed", ["pinned", "moved", "no_room"])
    async def test_the_visit_stays_as_it_is_by_now(
        self,
        stuck: Stuck,
        planner: Planner,
        database: Database,
        world: World,
        book: Book,
        changed: str,
    ) -> None:
        [order] = await stuck(EAST)
        await stand(database, world, "A2", 117.041, 36.66)
        [offer] = (await priced(planner, world)).values()
        await do(database, CHANGED[changed], world, order=order["id"])
        before = await book.visit(order)
        assert before is not None
        [taking] = offer.worth_it.values()
        setting = offer.takers.setting
        assert not await hand_over(planner, setting, offer.held, taking, offer.asked)
        after = await book.visit(order)
        assert after is not None and after.model_dump() == before.model_dump()
        assert await book.state(order) == "NEW"

    async def test_the_rest_of_its_crews_visits_waits_unless_the_crew_answers(
        self,
        stuck: Stuck,
        planner: Planner,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        west, east = await stuck(WEST, EAST)
        await stand(database, world, "A1", 117.028, 36.654)
        await stand(database, world, "A2", 117.008, 36.65)
        tried = []

        async def late(planner: Planner, setting: Any, held: Any, *rest: Any) -> bool:
            tried.append(held.visit.order_id)
            await do(database, CHANGED["pinned"], world, order=held.visit.order_id)
            await do(database, ACCEPTED, world)
            return await hand_over(planner, setting, held, *rest)

        monkeypatch.setattr(commit, "hand_over", late)
        done = await commit_due(planner, world.stations["S01"])
        assert len(tried) == 1 and done.refused == []
        earliest = min(UUID(west["id"]), UUID(east["id"]))
        assert done.sent == {earliest: world.crews["A3"]} and done.handed_over == {}
