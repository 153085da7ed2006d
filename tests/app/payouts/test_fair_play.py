"""Fair-play figures next to pay, and the close of a season (DOMAIN 5.10, 5.9)."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.core.db import Database
from app.core.problems import InvalidInput
from app.payouts.fair_play import load, span, told
from app.work_orders.states import State
from tests.conftest import Headers
from tests.factories.orders import order_in
from tests.factories.world import World

PATH = "/payouts/fair-play"


def person(number: str, station: str, points: str, minutes: str, **more: int) -> dict[str, Any]:
    counts = dict.fromkeys(("accepted", "refused", "released", "orders", "hard_orders"), 0)
    said = {"technician_id": number, "employee_no": number, "name": number, "station_id": station}
    work = {"worked_points": Decimal(points), "worked_minutes": Decimal(minutes)}
    return said | counts | work | {"points": Decimal(0), "amount_minor": 0} | more


class TestFigures:
    def test_who_earns_more_a_minute_than_the_station_is_above_one(self) -> None:
        """Station: 12 points in 120 minutes, 0.1 a minute; 0.2 is twice, 0.05 is half of it."""
        people = [
            person("1", "A", "8", "40"),
            person("2", "A", "4", "80"),
            person("3", "B", "9", "9"),
        ]
        assert [each["cherry_picking"] for each in told(people)] == [
            *(Decimal("2.00"), Decimal("0.50"), Decimal("1.00"))
        ]

    def test_shares_and_who_did_nothing(self) -> None:
        counts = {"accepted": 5, "refused": 1, "released": 2, "orders": 3, "hard_orders": 1}
        busy, idle = told([person("1", "A", "1", "10", **counts), person("2", "B", "0", "0")])
        assert (busy["refused_share"], busy["hard_share"]) == (Decimal("0.17"), Decimal("0.33"))
        assert (idle["refused_share"], idle["hard_share"]) == (None, None)
        assert idle["cherry_picking"] is None

    def test_load_is_orders_for_each_of_an_areas_people(self) -> None:
        people = [person("1", "A", "1", "1"), person("2", "A", "1", "1")]
        areas = [{"station_id": each, "code": each, "orders": 5} for each in "AB"]
        assert [(each["technicians"], each["orders_each"]) for each in load(areas, people)] == [
            *((2, Decimal("2.50")), (0, None))
        ]

    def test_a_span_is_at_most_a_year_and_runs_forward(self) -> None:
        assert span("2026-11", "2027-02") == ["2026-11", "2026-12", "2027-01", "2027-02"]
        for since, until in (("2026-02", "2026-01"), ("2026-01", "2027-01")):
            with pytest.raises(InvalidInput):
                span(since, until)


async def test_chiefs_read_their_stations_and_managers_all(
    database: Database, world: World, client: httpx.AsyncClient, as_: Headers
) -> None:
    async with database.transaction() as session:
        await order_in(session, world, State.CLOSED, crew="A2")
        await order_in(session, world, State.RETURNED, crew="A2")
        await order_in(session, world, State.CLOSED, crew="B1", premises="阳光花园2-1-101")
    asked = {"since": "2026-01", "until": "2026-02"}
    whole = (await client.get(PATH, params=asked, headers=as_("manager"))).json()
    assert (whole["months"], whole["closed"]) == ({"2026-01": "open", "2026-02": "open"}, False)
    own = (await client.get(PATH, params=asked, headers=as_("chief1"))).json()
    assert {each["station_id"] for each in own["people"]} == {str(world.stations["S01"])}
    assert {each["station_id"] for each in whole["people"]} > {str(world.stations["S01"])}
    leader = next(each for each in whole["people"] if each["released"])
    assert (leader["accepted"], leader["refused"], leader["released"]) == (2, 0, 1)
    assert (leader["orders"], leader["amount_minor"] > 0) == (1, True)
    areas = {each["station_id"]: each["orders"] for each in whole["areas"]}
    assert areas[str(world.stations["S01"])] == 2
    wrong = await client.get(PATH, params={**asked, "until": "2025-12"}, headers=as_("manager"))
    assert wrong.status_code == 422
    assert (await client.get(PATH, params=asked, headers=as_("tech03"))).status_code == 403
