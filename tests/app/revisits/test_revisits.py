"""Call-backs over HTTP: closing, trying again, and opening the rework."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.db import Database
from app.work_orders.states import State
from tests.conftest import Headers
from tests.factories.orders import order_in
from tests.factories.world import World

Make = Callable[..., Awaitable[UUID]]


@pytest.fixture
def order_at(database: Database, app: object, world: World) -> Make:
    """A committed order in a state."""

    async def make(state: State = State.REVISIT, **how: Any) -> UUID:
        async with database.transaction() as session:
            return (await order_in(session, world, state, **how)).id

    return make


async def say(
    client: httpx.AsyncClient, order_id: UUID, headers: dict[str, str], **body: Any
) -> httpx.Response:
    return await client.post(f"/work-orders/{order_id}/revisits", json=body, headers=headers)


async def timeline(client: httpx.AsyncClient, order_id: Any, headers: dict[str, str]) -> Any:
    return (await client.get(f"/work-orders/{order_id}/timeline", headers=headers)).json()


class TestReached:
    async def test_solved_closes_with_result_and_rating(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        said = {"reached": True, "solved": True, "rating": 5, "comment": "师傅很好"}
        answer = await say(client, order_id, as_("revisitor"), **said)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert (made["attempt"], made["order_state"], made["rating"]) == (1, "CLOSED", 5)
        history = await timeline(client, order_id, as_("revisitor"))
        last = history["events"][-1]
        assert (last["action"], last["payload"]["result"]) == ("closed", "solved")
        assert last["payload"]["rating"] == 5
        assert history["holder"] is None

    async def test_unsolved_opens_a_linked_order_and_closes(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        said = {"reached": True, "solved": False, "rating": 1, "comment": "夜里又凉了"}
        made = (await say(client, order_id, as_("revisitor"), **said)).json()
        assert made["order_state"] == "CLOSED"
        path = f"/work-orders/{made['rework_order_id']}"
        rework = (await client.get(path, headers=as_("dispatcher"))).json()
        assert rework["rework_of"] == str(order_id)
        assert (rework["state"], rework["fault_code"]) == ("NEW", "H01")
        assert rework["description"] == "夜里又凉了"
        last = (await timeline(client, order_id, as_("dispatcher")))["events"][-1]
        assert last["action"] == "reworked"
        assert last["payload"]["rework_order_id"] == made["rework_order_id"]
        assert last["payload"]["result"] == "unsolved"

    async def test_the_same_submission_twice_opens_one_rework(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        headers = as_("revisitor")
        first = await say(client, order_id, headers, reached=True, solved=False)
        again = await say(client, order_id, headers, reached=True, solved=False)
        assert again.json() == first.json()
        orders = (await client.get("/work-orders", headers=as_("dispatcher"))).json()["items"]
        assert len(orders) == 2


class TestUnreached:
    async def test_three_attempts_close_as_unreached(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        states = []
        for _ in range(3):
            made = await say(client, order_id, as_("revisitor"), reached=False)
            states.append(made.json()["order_state"])
        assert states == ["REVISIT", "REVISIT", "CLOSED"]
        events = (await timeline(client, order_id, as_("revisitor")))["events"]
        assert [each["action"] for each in events][-4:] == [*["revisit_tried"] * 3, "closed"]
        assert events[-1]["payload"]["result"] == "unreached"
        fourth = await say(client, order_id, as_("revisitor"), reached=False)
        assert fourth.status_code == 409

    async def test_a_customer_reached_at_last_decides(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        for _ in range(2):
            await say(client, order_id, as_("revisitor"), reached=False)
        made = await say(client, order_id, as_("revisitor"), reached=True, solved=True)
        assert (made.json()["attempt"], made.json()["order_state"]) == (3, "CLOSED")
        listed = await client.get(f"/work-orders/{order_id}/revisits", headers=as_("revisitor"))
        assert [each["reached"] for each in listed.json()] == [False, False, True]


ABSURD: tuple[dict[str, Any], ...] = (
    {"reached": True},
    {"reached": False, "solved": True},
    {"reached": False, "rating": 4},
    {"reached": True, "solved": True, "rating": 0},
    {"reached": True, "solved": True, "rating": 6},
    {"reached": True, "solved": True, "rating": 4.5},
    {"reached": "yes", "solved": True},
    {"reached": True, "solved": True, "mood": "good"},
    {"reached": True, "solved": True, "comment": "nul \x00"},
    {"solved": True},
)


class TestRefusals:
    async def test_what_cannot_be_meant_writes_nothing(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        for body in ABSURD:
            answer = await say(client, order_id, as_("revisitor"), **body)
            assert answer.status_code == 422, body
            assert answer.headers["content-type"] == "application/problem+json"
        listed = await client.get(f"/work-orders/{order_id}/revisits", headers=as_("revisitor"))
        assert listed.json() == []
        assert (await timeline(client, order_id, as_("revisitor")))["state"] == "REVISIT"

    async def test_an_order_that_waits_for_no_call_is_not_called(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        for state in (State.NEW, State.CLOSED):
            order_id = await order_at(state)
            answer = await say(client, order_id, as_("revisitor"), reached=True, solved=False)
            assert answer.status_code == 409
            assert answer.json()["state"] == state.value
        orders = (await client.get("/work-orders", headers=as_("dispatcher"))).json()["items"]
        assert len(orders) == 2

    async def test_only_a_revisitor_records(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at()
        for username in ("agent", "dispatcher", "reviewer", "tech03", "manager"):
            answer = await say(client, order_id, as_(username), reached=True, solved=True)
            assert answer.status_code == 403, username


class TestReading:
    async def test_a_foreign_stations_order_is_not_found(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at(State.CLOSED)
        for reader, status in (("chief1", 200), ("chief2", 404), ("tech03", 200), ("tech05", 404)):
            path = f"/work-orders/{order_id}/revisits"
            assert (await client.get(path, headers=as_(reader))).status_code == status, reader

    async def test_the_crew_does_not_read_a_protected_reporters_words(
        self, client: httpx.AsyncClient, order_at: Make, as_: Headers
    ) -> None:
        order_id = await order_at(flags=("confidential",))
        said = {"reached": True, "solved": True, "comment": "他们态度差"}
        await say(client, order_id, as_("revisitor"), **said)
        path = f"/work-orders/{order_id}/revisits"
        shown = {
            reader: (await client.get(path, headers=as_(reader))).json()[0]["comment"]
            for reader in ("chief1", "tech03")
        }
        assert shown == {"chief1": "他们态度差", "tech03": None}
