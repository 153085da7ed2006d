"""Taking a report: over HTTP, with duplicates, places and serial numbers."""

from typing import Any

import httpx
import pytest

from tests.conftest import Headers
from tests.factories.world import World


def report(world: World, **changes: Any) -> dict[str, Any]:
    """An ordinary call: a cold flat."""
    return {
        "caller": {"name": "王女士", "phone": "13900000001"},
        "premises_id": str(world.premises["锦绣家园1-1-101"]),
        "fault_code": "H01",
        "description": "全屋不热",
    } | changes


class TestCreate:
    """POST /work-orders"""

    async def test_makes_a_new_order_with_serial_station_and_running_clocks(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        answer = await client.post("/work-orders", json=report(world), headers=as_("agent"))
        assert answer.status_code == 201, answer.text
        order = answer.json()
        assert order["state"] == "NEW"
        assert order["serial"] == "S01-260115-0001"
        assert order["station_id"] == str(world.stations["S01"])
        assert order["flags"] == ["vulnerable"]
        assert order["due_at"] is not None
        detail = (await client.get(f"/work-orders/{order['id']}", headers=as_("agent"))).json()
        assert {clock["clock"] for clock in detail["clocks"]} >= {"K1", "K4", "K6"}
