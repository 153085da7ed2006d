"""`GET /work-orders/{id}/eta`: when the crew arrives, for whoever may read the order."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from app.core import clock
from app.core.db import Database
from app.travel.models import ArrivalEstimate
from app.work_orders.states import State
from tests.app.travel.conftest import Field
from tests.conftest import Headers
from tests.factories.orders import order_in
from tests.factories.world import NOW, World


async def made(database: Database, world: World, state: State) -> UUID:
    async with database.transaction() as session:
        return (await order_in(session, world, state)).id


@pytest.fixture
async def order(database: Database, world: World) -> UUID:
    return await made(database, world, State.ACCEPTED)


class TestGetEta:
    async def test_says_when_how_sure_and_from_where(
        self, field: Field, order: UUID, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        await field.tick()
        clock.advance(timedelta(seconds=90))
        answer = await client.get(f"/work-orders/{order}/eta", headers=as_("dispatcher"))
        assert answer.status_code == 200, answer.text
        body = answer.json()
        at = (NOW + timedelta(seconds=268)).isoformat().replace("+00:00", "Z")
        assert body["arrive_at"] == at
        assert body["earliest_at"] < at < body["latest_at"]
        assert (body["state"], body["crew_code"], body["stops_before"]) == ("ACCEPTED", "A2", 0)
        assert (body["source"], body["graph_version"]) == ("osrm", "test-1")
        assert (body["hour_bucket"], body["crew_id"]) == ("day", str(world.crews["A2"]))
        assert body["from"]["kind"] == "position"
        assert body["from"]["age_s"] == 90
        assert body["from"]["place"] == {"lon": 117.05, "lat": 36.65}
        assert field.roads.asked == ["matrix"]

    async def test_is_computed_on_the_spot_before_the_worker_came_to_it(
        self, field: Field, order: UUID, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        field.roads.estimated = True
        answer = await client.get(f"/work-orders/{order}/eta", headers=as_("dispatcher"))
        assert answer.status_code == 200, answer.text
        assert answer.json()["source"] == "estimate"
        row = await field.arrival(order)
        assert isinstance(row, ArrivalEstimate)

    @pytest.mark.parametrize(
        ("who", "status"),
        [("tech03", 200), ("tech05", 404), ("agent2", 404), ("agent", 200), ("pay_clerk", 403)],
    )
    async def test_goes_to_whoever_may_read_the_order(
        self,
        field: Field,
        order: UUID,
        client: httpx.AsyncClient,
        as_: Headers,
        who: str,
        status: int,
    ) -> None:
        answer = await client.get(f"/work-orders/{order}/eta", headers=as_(who))
        assert answer.status_code == status, answer.text

    @pytest.mark.parametrize(
        ("state", "kind"),
        [
            (State.NEW, "no-crew-yet"),
            (State.HOLD, "no-crew-yet"),
            (State.ONSITE, "nothing-to-await"),
            (State.DONE, "nothing-to-await"),
            (State.CANCELLED, "nothing-to-await"),
        ],
    )
    async def test_says_what_to_do_when_nobody_is_awaited(
        self,
        field: Field,
        database: Database,
        world: World,
        client: httpx.AsyncClient,
        as_: Headers,
        state: State,
        kind: str,
    ) -> None:
        order = await made(database, world, state)
        answer = await client.get(f"/work-orders/{order}/eta", headers=as_("dispatcher"))
        assert answer.status_code == 409, answer.text
        body = answer.json()
        assert body["type"].endswith(kind)
        assert body["state"] == state.value
        assert body["action"]
