"""POST /work-orders/slots: appointment slots by what they cost the plan."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, update

from app.core import clock
from app.core.db import Database
from app.organisation.models import Presence, Shift
from app.planning import policy
from app.planning.context import Planner
from routing import RoutingEngine
from tests.app.planning.conftest import Run, Take
from tests.conftest import Headers
from tests.factories.world import NOW, World

HERE = "锦绣家园1-1-101"


class StraightRoads:
    """The app's engine, as the process would open it: straight lines."""

    def __init__(self, engine: RoutingEngine, database: Database) -> None:
        self.engine, self.database, self.open_transactions = engine, database, -1

    async def opened(self) -> RoutingEngine:
        self.open_transactions = self.database.engine.pool.checkedout()  # type: ignore[attr-defined]
        return self.engine


@pytest.fixture
def roads(app: FastAPI, planner: Planner) -> Iterator[StraightRoads]:
    made = StraightRoads(planner.engine, planner.database)
    before, app.state.engine = app.state.engine, made
    yield made
    app.state.engine = before


@pytest.fixture
def ask(client: httpx.AsyncClient, world: World, as_: Headers, roads: StraightRoads) -> Any:
    async def post(who: str = "agent", **changes: Any) -> httpx.Response:
        body = {"premises_id": str(world.premises[HERE]), "fault_code": "H26"} | changes
        return await client.post("/work-orders/slots", json=body, headers=as_(who))

    return post


def window(hours: float, length: float = 2) -> dict[str, str]:
    opens = NOW + timedelta(hours=hours)
    return {
        "starts_at": opens.isoformat(),
        "ends_at": (opens + timedelta(hours=length)).isoformat(),
    }


class TestUsualSlots:
    def test_they_are_two_hours_long_and_lie_ahead(self) -> None:
        from zoneinfo import ZoneInfo

        day = date(2026, 1, 15)
        noon = datetime(2026, 1, 15, 4, 30, tzinfo=UTC)
        found = policy.usual_slots(day, day + timedelta(days=1), noon, ZoneInfo("Asia/Shanghai"))
        assert len(found) == 3 + 6
        assert found[0][0] == datetime(2026, 1, 15, 6, 0, tzinfo=UTC), "14:00, after 12:30"
        assert {closes - opens for opens, closes in found} == {policy.SLOT_LENGTH}


class TestOfferSlots:
    async def test_todays_are_ranked_by_price_and_tomorrow_has_no_shift_yet(
        self, ask: Any, roads: StraightRoads, world: World
    ) -> None:
        answer = await ask()
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["station_id"] == str(world.stations["S01"])
        fits = [slot for slot in found["slots"] if slot["fits"]]
        assert len(found["slots"]) == 12 and len(fits) == 6
        prices = [slot["added_minutes"] for slot in fits]
        assert prices == sorted(prices) and prices[0] > 0
        assert all(slot["crew_code"] in {"A1", "A2", "A3"} for slot in fits)
        misfits = found["slots"][6:]
        assert {slot["reasons"][0]["code"] for slot in misfits} == {"no_crew_on_shift"}
        assert all(slot["starts_at"] >= "2026-01-16" for slot in misfits)
        assert roads.open_transactions == 0

    async def test_a_shift_that_is_written_for_tomorrow_can_be_promised(
        self, ask: Any, database: Database, world: World
    ) -> None:
        begins = NOW + timedelta(hours=24)
        async with database.transaction() as session:
            session.add(
                Shift(
                    crew_id=world.crews["A2"],
                    starts_at=begins,
                    ends_at=begins + timedelta(hours=8),
                )
            )
        found = (await ask(candidates=[window(26), window(34)])).json()["slots"]
        assert [slot["fits"] for slot in found] == [True, False]
        assert found[0]["crew_code"] == "A2"

    async def test_what_is_promised_to_others_is_no_room(
        self, ask: Any, take: Take, database: Database, world: World
    ) -> None:
        """One crew on line, its narrow window taken by an order that no run has seen yet."""
        people = [world.technicians[name] for name in ("tech01", "tech02", "tech03")]
        async with database.transaction() as session:
            await session.execute(
                update(Presence).where(col(Presence.technician_id).in_(people)).values(online=False)
            )
        narrow = window(4, 0.25)
        assert (await ask(candidates=[narrow])).json()["slots"][0]["fits"]
        for room in ("1-1-102", "1-2-201", "3-1-101", "3-1-102", "3-2-201"):
            await take(f"锦绣家园{room}", fault_code="H26", appointment=narrow)
        [slot] = (await ask(candidates=[narrow])).json()["slots"]
        assert not slot["fits"] and slot["crew_code"] is None
        assert slot["reasons"][0]["code"] == "slot_full"
        assert slot["reasons"][0]["zh"]

    async def test_a_place_without_premises_is_asked_of_its_station(
        self, ask: Any, world: World
    ) -> None:
        answer = await ask(
            premises_id=None, place={"lon": 117.15, "lat": 36.65}, candidates=[window(4)]
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["station_id"] == str(world.stations["S02"])
        assert answer.json()["slots"][0]["crew_code"] == "B1"

    async def test_the_plan_in_force_stays_as_it_is(
        self, ask: Any, take: Take, plan: Run, database: Database
    ) -> None:
        from sqlalchemy import text

        await take(fault_code="H26", appointment=window(4))
        await plan()
        seen = "SELECT order_id, crew_id, start_at FROM planned_visits"
        async with database.transaction() as session:
            before = (await session.execute(text(seen))).all()
        assert (await ask()).status_code == 200
        async with database.transaction() as session:
            assert (await session.execute(text(seen))).all() == before
        assert len(before) == 1

    async def test_a_foreign_station_is_not_found(self, ask: Any) -> None:
        assert (await ask("agent2")).status_code == 404
        answer = await ask("agent2", premises_id=None, place={"lon": 117.05, "lat": 36.65})
        assert answer.json()["type"] == "urn:paigong:problem:place-outside-area"

    async def test_danger_is_not_booked(self, ask: Any) -> None:
        answer = await ask(fault_code="H07")
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:danger-takes-no-slot"
        assert answer.json()["action"]

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"premises_id": None}, 422),
            ({"from_day": "2026-01-16", "to_day": "2026-01-15"}, 422),
            ({"from_day": "2026-03-01"}, 409),
            ({"candidates": [window(24 * 20)]}, 409),
            ({"candidates": [window(-5)]}, 422),
        ],
    )
    async def test_what_cannot_be_priced_is_refused(
        self, ask: Any, changes: dict[str, Any], status: int
    ) -> None:
        answer = await ask(**changes)
        assert answer.status_code == status, answer.text
        assert clock.now() == NOW
