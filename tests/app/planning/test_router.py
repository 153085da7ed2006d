"""Planning over HTTP."""

from uuid import UUID

import httpx

from app.planning import run
from app.planning.context import Planner
from tests.app.planning.conftest import Take
from tests.conftest import Headers
from tests.factories.world import World


class TestPlanningRuns:
    """POST and GET /planning-runs"""

    async def test_a_run_is_queued_carried_out_and_read(
        self, client: httpx.AsyncClient, take: Take, planner: Planner, world: World, as_: Headers
    ) -> None:
        order, impossible = await take(), await take("锦绣家园3-1-101", fault_code="P12")
        station = str(world.stations["S01"])
        asked = await client.post(
            "/planning-runs",
            json={"station_id": station, "seconds": 0.2},
            headers=as_("dispatcher1"),
        )
        assert asked.status_code == 202, asked.text
        assert asked.json()["state"] == "queued" and asked.json()["budget_s"] == 0.2
        run_id = asked.json()["id"]
        await run.execute(planner, UUID(run_id))
        answer = await client.get(f"/planning-runs/{run_id}", headers=as_("dispatcher1"))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["state"], found["step"]) == ("published", "done")
        assert (found["planned"], found["unassigned"]) == (1, 1)
        result = found["result"]
        assert result["unassigned"][0]["serial"] == impossible["serial"]
        assert result["unassigned"][0]["reasons"][0]["code"] == "no_skill"
        assert sum(result["price"].values()) == result["total"]
        [visit] = [v for route in result["routes"] for v in route["visits"]]
        assert visit["serial"] == order["serial"] and visit["travel_source"] == "estimate"
        assert result["routing"]["leg_shares"] == {"osrm": 0, "estimate": 1, "unreachable": 0}
        assert set(result["timings_s"]) >= {"loading", "routing", "solving", "publishing"}

    async def test_a_whole_tree_is_planned_from_its_root(
        self, client: httpx.AsyncClient, take: Take, planner: Planner, world: World, as_: Headers
    ) -> None:
        near, far = await take(), await take("阳光花园2-1-101")
        asked = await client.post(
            "/planning-runs",
            json={"station_id": str(world.stations["CO"])},
            headers=as_("dispatcher"),
        )
        await run.execute(planner, UUID(asked.json()["id"]))
        answer = await client.get(f"/planning-runs/{asked.json()['id']}", headers=as_("manager"))
        sent = {each["order_id"] for each in answer.json()["result"]["committed"]}
        assert sent == {near["id"], far["id"]}

    async def test_a_foreign_station_is_not_found(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        body = {"station_id": str(world.stations["S01"])}
        answer = await client.post("/planning-runs", json=body, headers=as_("dispatcher2"))
        assert answer.status_code == 404
        asked = await client.post("/planning-runs", json=body, headers=as_("dispatcher1"))
        url = f"/planning-runs/{asked.json()['id']}"
        assert (await client.get(url, headers=as_("dispatcher2"))).status_code == 404
        assert (await client.get(url, headers=as_("chief1"))).status_code == 200

    async def test_the_list_is_newest_first_page_by_page_and_in_scope(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        ids = []
        for station in ("S01", "S02", "S01"):
            body = {"station_id": str(world.stations[station])}
            answer = await client.post("/planning-runs", json=body, headers=as_("dispatcher"))
            ids.append(answer.json()["id"])
        first = (await client.get("/planning-runs?limit=1", headers=as_("dispatcher1"))).json()
        assert [each["id"] for each in first["items"]] == [ids[2]]
        rest = await client.get(
            "/planning-runs",
            params={"limit": 1, "cursor": first["next_cursor"]},
            headers=as_("dispatcher1"),
        )
        assert [each["id"] for each in rest.json()["items"]] == [ids[0]]
        assert rest.json()["next_cursor"] is None

    async def test_a_budget_out_of_range_is_refused(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        body = {"station_id": str(world.stations["S01"]), "seconds": 61}
        answer = await client.post("/planning-runs", json=body, headers=as_("dispatcher"))
        assert answer.status_code == 422


class TestOrderPlan:
    """GET /work-orders/{order_id}/plan"""

    async def test_tells_why_an_order_has_no_visit(
        self, client: httpx.AsyncClient, take: Take, planner: Planner, world: World, as_: Headers
    ) -> None:
        order = await take(fault_code="P12")
        asked = await client.post(
            "/planning-runs",
            json={"station_id": str(world.stations["S01"])},
            headers=as_("dispatcher"),
        )
        await run.execute(planner, UUID(asked.json()["id"]))
        url = f"/work-orders/{order['id']}/plan"
        answer = (await client.get(url, headers=as_("chief1"))).json()
        assert answer["visit"] is None and answer["run_id"] == asked.json()["id"]
        assert answer["reasons"][0]["code"] == "no_skill"
        assert answer["reasons"][0]["zh"] and answer["reasons"][0]["en"]
        assert (await client.get(url, headers=as_("chief2"))).status_code == 404
