"""People with two posts: each counts at its own station, and the technician's for own orders."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from app.core.db import Database
from app.core.permissions import Role
from app.identity import service as identity
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import World

Appoint = Callable[[str, Role, str], Awaitable[None]]


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


@pytest.fixture
def appoint(database: Database, world: World) -> Appoint:
    """Give somebody of the world a second post."""

    async def run(username: str, role: Role, station: str) -> None:
        async with database.transaction() as session:
            await identity.grant(session, world.users[username], role, world.stations[station])

    return run


class TestTechnicianWhoDispatchesElsewhere:
    async def test_reads_own_orders_and_does_not_dispatch_them(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers, appoint: Appoint
    ) -> None:
        await appoint("tech03", Role.DISPATCHER, "S02")
        order_id = await desk.sent("A2")
        other_id = await desk.report("阳光花园2-1-101")
        path = f"/work-orders/{order_id}"
        assert (await client.get(path, headers=as_("tech03"))).status_code == 200
        body = {"reason": "我自己改派"}
        answer = await client.post(f"{path}/withdraw", json=body, headers=as_("tech03"))
        assert answer.status_code == 404
        body |= {"crew_id": str(desk.world.crews["B1"])}
        answer = await client.post(
            f"/work-orders/{other_id}/assign", json=body, headers=as_("tech03")
        )
        assert answer.status_code == 200, answer.text


class TestRoleAtTheOrdersStation:
    async def test_a_chief_of_another_station_approves_no_cancellation(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers, appoint: Appoint
    ) -> None:
        await appoint("dispatcher1", Role.STATION_CHIEF, "S02")
        for premises, expected in (("锦绣家园1-1-101", 403), ("阳光花园2-1-101", 200)):
            order_id = await desk.report(premises)
            asked = await client.post(
                f"/work-orders/{order_id}/cancel", json={"reason": "误报"}, headers=as_("agent")
            )
            decided = await client.post(
                f"/approvals/{asked.json()['id']}/decide",
                json={"approved": True},
                headers=as_("dispatcher1"),
            )
            assert decided.status_code == expected, decided.text

    async def test_the_event_names_the_post_that_counts_there(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers, appoint: Appoint
    ) -> None:
        await appoint("chief1", Role.DISPATCHER, "S02")
        order_id = await desk.report()
        body = {"crew_id": str(desk.world.crews["A2"]), "reason": "更近"}
        path = f"/work-orders/{order_id}"
        await client.post(f"{path}/assign", json=body, headers=as_("chief1"))
        history = (await client.get(f"{path}/timeline", headers=as_("agent"))).json()
        assert history["events"][-1]["actor_role"] == "station_chief"
