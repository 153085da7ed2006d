"""An id of another station answers 404 wherever it stands in a path, as if it did not exist."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.architecture.routes import ApiRoute, api_routes
from tests.factories.desk import Desk
from tests.factories.world import World

Headers = Callable[[str], dict[str, str]]

OF_S02 = ("agent2", "dispatcher2", "chief2", "reviewer2", "tech05")
"""People whose every grant lies at S02; the ids below are all of S01."""
LISTS = ("/work-orders", "/planning-runs", "/crews", "/technicians")
"""Lists that take a `station_id`."""


@pytest.fixture
async def ids_of_s01(client: httpx.AsyncClient, as_: Headers, world: World) -> dict[str, str]:
    """One id of S01 per name of a path parameter."""
    order_id = await Desk(client, world, as_).sent("A1", "锦绣家园1-1-101")
    return {
        "order_id": order_id,
        "station_id": str(world.stations["S01"]),
        "technician_id": str(world.technicians["tech01"]),
        "crew_id": str(world.crews["A1"]),
        "building_id": str(world.buildings["锦绣家园1"]),
        "premises_id": str(world.premises["锦绣家园1-1-101"]),
        "customer_id": str(world.customers["C0001"]),
    }


def bodies(world: World) -> dict[str, dict[str, Any]]:
    """Good bodies of writes on an order, naming only what the stranger owns."""
    reason = {"reason": "it is nearer to us"}
    crew = {"crew_id": str(world.crews["B1"])}
    hours = {"starts_at": "2026-01-15T05:00:00Z", "ends_at": "2026-01-15T07:00:00Z"}
    members = [str(world.technicians[name]) for name in ("tech05", "tech06")]
    order = "/work-orders/{order_id}"
    return {
        f"PATCH {order}": {"version": 1, "notes": "ring twice"},
        f"POST {order}/urge": reason,
        f"POST {order}/submit": {},
        f"POST {order}/solve-by-phone": {"answer": "open the valve"},
        f"POST {order}/rebook": reason | {"appointment": hours},
        f"POST {order}/cancel": reason,
        f"POST {order}/assign": reason | crew,
        f"POST {order}/withdraw": reason,
        f"POST {order}/split": reason,
        f"POST {order}/pin": reason | crew,
        f"POST {order}/joint-crew": reason | {"technician_ids": members, "leader_id": members[0]},
        f"POST {order}/resume": reason,
    }


def reachable(app: FastAPI, ids: dict[str, str]) -> list[tuple[ApiRoute, str]]:
    """Routes whose path is made of these ids alone, with the path."""
    found = []
    for route in api_routes(app):
        names = set(re.findall(r"\{([a-z_]+)\}", route.path))
        if names and names <= set(ids):
            found.append((route, route.path.format_map(ids)))
    return found


class TestForeignIds:
    async def test_reading_them_is_not_found(
        self, app: FastAPI, client: httpx.AsyncClient, as_: Headers, ids_of_s01: dict[str, str]
    ) -> None:
        wrong: list[str] = []
        not_found = 0
        for route, path in reachable(app, ids_of_s01):
            if route.method != "GET":
                continue
            # The company's manager reads them all, so the ids are good ones.
            if (own := (await client.get(path, headers=as_("manager"))).status_code) != 200:
                wrong.append(f"{route.key} refused the manager: {own}")
            for person in OF_S02:
                status = (await client.get(path, headers=as_(person))).status_code
                not_found += status == 404
                if status not in {403, 404}:
                    wrong.append(f"{route.key} told {person}: {status}")
        assert wrong == []
        assert not_found > 10

    @pytest.mark.parametrize("listing", LISTS)
    async def test_asking_for_the_list_of_their_station_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, ids_of_s01: dict[str, str], listing: str
    ) -> None:
        station = {"station_id": ids_of_s01["station_id"]}
        for person, status in (("chief1", 200), ("chief2", 404)):
            answer = await client.get(listing, params=station, headers=as_(person))
            assert answer.status_code == status, answer.text

    async def test_acting_on_them_is_not_found(
        self,
        app: FastAPI,
        client: httpx.AsyncClient,
        as_: Headers,
        world: World,
        ids_of_s01: dict[str, str],
    ) -> None:
        good = bodies(world)
        assert set(good) <= {route.key for route in api_routes(app)}
        wrong: list[str] = []
        not_found = 0
        for route, path in reachable(app, ids_of_s01):
            if route.method == "GET":
                continue
            # An empty body is refused as such (422) where the route wants one.
            body = {} if route.method == "DELETE" else {"json": good.get(route.key, {})}
            for person in OF_S02:
                answer = await client.request(route.method, path, headers=as_(person), **body)
                not_found += answer.status_code == 404
                if answer.status_code not in {403, 404, 422}:
                    wrong.append(f"{route.key} let {person}: {answer.status_code}")
                if answer.status_code == 422 and route.key in good:
                    wrong.append(f"{route.key} did not read its body: {answer.text}")
        assert wrong == []
        assert not_found > 10
