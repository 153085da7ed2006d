"""Members of several crews for one order: who is taken, and how the crew ends."""

from typing import Any

import httpx
import pytest
from sqlmodel import select

from app.core.db import Database
from app.notifications.models import Notification
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


async def join(desk: Desk, order_id: str, *names: str, who: str = "dispatcher") -> httpx.Response:
    """Form a joint crew, the first named in the lead."""
    members = [str(desk.world.technicians[name]) for name in names]
    body: dict[str, Any] = {"technician_ids": members, "leader_id": members[0], "reason": "人手"}
    return await desk.client.post(
        f"/work-orders/{order_id}/joint-crew", json=body, headers=desk.as_(who)
    )


class TestJointCrew:
    """POST /work-orders/{id}/joint-crew"""

    async def test_members_of_two_crews_do_what_none_can(self, desk: Desk) -> None:
        order_id = await desk.report("阳光花园2-1-101", fault_code="P08")
        answer = await join(desk, order_id, "tech05", "tech06", "tech01")
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "SENT"
        assert answer.json()["holder"]["crew_code"].startswith("J-S02-")

    async def test_nobody_of_a_foreign_station_is_taken(self, desk: Desk) -> None:
        order_id = await desk.report("阳光花园2-1-101", fault_code="P08")
        answer = await join(desk, order_id, "tech05", "tech06", "tech01", who="dispatcher2")
        assert answer.status_code == 404
        assert (await desk.order(order_id))["state"] == "NEW"

    async def test_ends_when_it_loses_the_order_and_its_people_still_read_it(
        self, desk: Desk, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order_id = await desk.report()
        await join(desk, order_id, "tech03", "tech04")
        phone = Phone(client, as_("tech04"))
        assert len((await phone.sync())["crews"]) == 2
        await desk.assign(order_id, "A1")
        assert (await desk.order(order_id))["holder"]["crew_code"] == "A1"
        synced = await phone.sync()
        assert [crew["code"] for crew in synced["crews"]] == ["A3"]
        assert synced["jobs"] == []
        own = await client.get(f"/work-orders/{order_id}", headers=as_("tech04"))
        assert own.status_code == 200
        late = await phone.do("accept", order_id)
        assert late["problem"]["type"] == "urn:paigong:problem:not-yours-any-more"

    async def test_the_crew_that_ends_hears_of_its_loss(
        self, desk: Desk, database: Database
    ) -> None:
        order_id = await desk.report()
        await join(desk, order_id, "tech03", "tech04")
        await desk.withdraw(order_id)
        async with database.transaction() as session:
            told = (
                await session.exec(
                    select(Notification.user_id).where(Notification.kind == "withdrawn")
                )
            ).all()
        assert set(told) == {desk.world.users[name] for name in ("tech03", "tech04")}
