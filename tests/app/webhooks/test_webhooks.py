"""Webhooks: signed by the specification, tried again, replayed, and logged."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col, select

from app import worker
from app.core import clock, retry_after
from app.core.db import Database
from app.core.ids import new_id
from app.webhooks import policy, sending, signing
from app.webhooks.jobs import send_webhook
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from app.webhooks.outside import Inside, OutsideTransport, is_outside
from app.worker import QUEUES
from tests.app.webhooks.mortal import killed_while_it_sends
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import World


class TestSigning:
    def test_the_specifications_own_example_holds(self) -> None:
        """The worked example of the Standard Webhooks reference libraries' tests."""
        assert (
            signing.signature(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1614265330,
                b'{"test": 2432232314}',
            )
            == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        )

    def test_a_secret_of_another_form_is_refused(self) -> None:
        with pytest.raises(ValueError, match="base64"):
            signing.signature("whsec_*", "m", 1, b"")


class TestQueue:
    def test_a_receiver_that_hangs_delays_no_text(self) -> None:
        assert send_webhook.queue in QUEUES
        assert send_webhook.queue not in {worker.PUSH, worker.TEXTS}


class TestPolicy:
    def test_tries_spread_over_days_and_a_receiver_may_ask_for_more_time(self) -> None:
        waits = [policy.next_wait_s(n, None) for n in range(1, 11)]
        assert waits[0] == 5
        assert waits[-1] is None
        assert sum(each for each in waits if each) > 3 * 86_400
        assert policy.next_wait_s(1, 600) == 600
        assert policy.next_wait_s(1, 10**9) == 86_400

    @pytest.mark.parametrize(
        ("url", "production", "fit"),
        [
            ("https://erp.example/hook", True, True),
            ("http://erp.example/hook", True, False),
            ("http://10.0.0.7:8080/hook", False, True),
            ("https://user:pw@erp.example", False, False),
            ("ftp://erp.example", False, False),
            ("https://", False, False),
            ("https://[::1", False, False),
        ],
    )
    def test_where_it_may_go(self, url: str, production: bool, fit: bool) -> None:
        assert policy.is_fit(url, production=production) is fit

    def test_patterns(self) -> None:
        assert policy.hears(["work_order.*"], "work_order.sent")
        assert policy.hears(["x.y", "*"], "work_order.sent")
        assert not policy.hears(["work_order.accepted", "plan.*"], "work_order.sent")


class TestTheWayOut:
    @pytest.mark.parametrize(
        ("address", "outside"),
        [
            ("93.184.216.34", True),
            ("2606:2800:220:1::1", True),
            ("127.0.0.1", False),
            ("169.254.169.254", False),
            ("192.168.1.9", False),
            ("10.1.2.3", True),
            ("10.2.2.3", False),
            ("::ffff:127.0.0.1", False),
            ("fe80::1", False),
            ("fd00::1", False),
            ("0.0.0.0", False),  # noqa: S104
            ("224.0.0.1", False),
        ],
    )
    def test_only_the_internet_and_what_the_company_allows(
        self, address: str, outside: bool
    ) -> None:
        assert is_outside(ip_address(address), [ip_network("10.1.0.0/16")]) is outside

    async def test_it_goes_to_the_address_that_was_looked_at(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[httpx.Request] = []
        answers = {"erp.test": ["93.184.216.34"], "trap.test": ["93.184.216.34", "127.0.0.1"]}

        async def resolve(host: str, _port: int, **_more: object) -> list[tuple[Any, ...]]:
            return [(0, 0, 0, "", (address, 0)) for address in answers[host]]

        async def send(_self: object, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return httpx.Response(204)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", send)
        async with httpx.AsyncClient(transport=OutsideTransport([])) as http:
            await http.post("https://erp.test:8443/hook")
            with pytest.raises(Inside):
                await http.post("http://trap.test/hook")
        (request,) = sent
        assert request.url.host == "93.184.216.34"
        assert request.headers["host"] == "erp.test:8443"
        assert request.extensions["sni_hostname"] == "erp.test"

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("900", 900.0), ("²", None), ("٣", None), ("9" * 400, None), ("Mon, 1 Jan", None)],
    )
    def test_a_time_to_wait_is_read_in_plain_digits(
        self, value: str, seconds: float | None
    ) -> None:
        assert retry_after.seconds(value) == seconds

    async def test_an_endless_answer_is_read_no_further_than_needed(self) -> None:
        pieces = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal pieces
            while True:
                pieces += 1
                yield b"x" * 1000

        transport = httpx.MockTransport(lambda _: httpx.Response(500, content=endless()))
        due = sending.Due(new_id(), "https://erp.test", signing.new_secret(), "msg", b"{}")
        async with httpx.AsyncClient(transport=transport) as http:
            answer = await sending._send(http, due)
        assert (answer.status, answer.detail) == (500, "x" * sending.DETAIL_LENGTH)
        assert pieces <= 5


Answers = Callable[[httpx.Request], httpx.Response]


class Receiver:
    """Another system: answers as told and keeps what came."""

    def __init__(self, *answers: int, **headers: str) -> None:
        self.answers, self.headers = list(answers), headers
        self.heard: list[httpx.Request] = []
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        return httpx.Response(
            self.answers.pop(0), headers=self.headers, stream=httpx.ByteStream(b"said")
        )


async def deliveries(database: Database) -> list[WebhookDelivery]:
    async with database.transaction() as session:
        query = select(WebhookDelivery).order_by(col(WebhookDelivery.id))
        return list((await session.exec(query)).all())


async def make_due(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(update(WebhookDelivery).values(due_at=clock.real_now()))


class TestTelling:
    async def test_from_registration_to_replay(
        self,
        client: httpx.AsyncClient,
        as_: Headers,
        desk: Desk,
        database: Database,
        world: World,
    ) -> None:
        """One prepared database; each part depends on the one before."""
        body = {"url": "http://erp.test/hook", "events": ["work_order.sent"], "description": "ERP"}
        made = (await client.post("/webhooks", json=body, headers=as_("admin"))).json()
        secret = made["secret"]
        assert secret.startswith("whsec_")
        listed = (await client.get("/webhooks", headers=as_("admin"))).json()
        assert [each["id"] for each in listed] == [made["id"]]
        assert "secret" not in listed[0]
        elsewhere = body | {"station_id": str(world.stations["S02"])}
        await client.post("/webhooks", json=elsewhere, headers=as_("admin"))
        unfit = await client.post(
            "/webhooks", json=body | {"url": "ftp://erp.test"}, headers=as_("admin")
        )
        assert unfit.json()["type"] == "urn:paigong:problem:webhook-url-unfit"

        # Only what was asked for, only of stations asked for, in the same transaction.
        order_id = await desk.sent(crew="A2")
        (row,) = await deliveries(database)
        assert row.endpoint_id == UUID(made["id"])

        # A failure is tried again later with the same id and another time; then it arrives.
        receiver = Receiver(500, 429, 204, 200, **{"retry-after": "900"})
        before = clock.real_now()
        await sending.deliver(database, row.id, receiver.http)
        await sending.deliver(database, row.id, receiver.http)
        assert len(receiver.heard) == 1, "nothing before its time"
        (row,) = await deliveries(database)
        assert (row.state, row.attempts) == ("queued", 1)
        assert row.due_at >= before + timedelta(seconds=900)
        for _ in range(2):
            await make_due(database)
            await sending.deliver(database, row.id, receiver.http)
        (row,) = await deliveries(database)
        assert (row.state, row.attempts) == ("delivered", 3)
        first, last = receiver.heard[0], receiver.heard[-1]
        assert first.headers["webhook-id"] == last.headers["webhook-id"] == row.message_id
        signed = f"{row.message_id}.{last.headers['webhook-timestamp']}.".encode() + last.content
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert last.headers["webhook-signature"] == f"v1,{expected}"
        told = httpx.Response(200, content=last.content).json()
        assert told["type"] == "work_order.sent"
        assert told["data"]["order_id"] == order_id
        assert "王女士" not in last.content.decode()
        assert "13900000001" not in last.content.decode()

        # The log shows every request; a replay tells the same again, under the same id.
        path = f"/webhooks/{made['id']}"
        log = (await client.get(f"{path}/deliveries", headers=as_("admin"))).json()
        assert [[each["status"] for each in one["tries"]] for one in log] == [[500, 429, 204]]
        since = {"since": "2026-01-01T00:00:00+08:00"}
        replayed = await client.post(f"{path}/replay", json=since, headers=as_("admin"))
        assert replayed.json() == {"messages": 1}
        await sending.deliver(database, row.id, receiver.http)
        assert receiver.heard[-1].headers["webhook-id"] == row.message_id

        # The worker is killed (-9) while the receiver has the request: the try is in the log, and
        # the same is told again under the same id.
        await client.post(f"{path}/replay", json=since, headers=as_("admin"))
        assert killed_while_it_sends(database.url, row.id) == -9
        (row,) = await deliveries(database)
        assert (row.state, row.attempts) == ("sending", 1)
        assert await sending.requeue_lost(database) == 0, "the lease of the dead worker still runs"
        async with database.transaction() as session:
            past = datetime(2020, 1, 1, tzinfo=UTC)
            await session.execute(update(WebhookDelivery).values(leased_until=past))
        assert await sending.requeue_lost(database) == 1
        (told_again,) = (await client.get(f"{path}/deliveries", headers=as_("admin"))).json()
        unseen = told_again["tries"][-1]
        assert unseen["status"] is None
        assert unseen["detail"] == "the end of this try was not seen"
        gone = Receiver(410)
        await sending.deliver(database, row.id, gone.http)
        assert gone.heard[0].headers["webhook-id"] == row.message_id
        (told_again,) = (await client.get(f"{path}/deliveries", headers=as_("admin"))).json()
        assert [each["status"] for each in told_again["tries"]][-2:] == [None, 410]
        assert told_again["attempts"] == 2
        async with database.transaction() as session:
            endpoint = await session.get_one(WebhookEndpoint, UUID(made["id"]))
        assert endpoint.disabled_why == "it answered 410 Gone"
        await desk.sent(crew="A2", premises="锦绣家园1-1-102")
        assert len(await deliveries(database)) == 1
        deleted = await client.delete(path, headers=as_("admin"))
        assert deleted.json()["disabled_why"] == "it answered 410 Gone"
        for each in (receiver, gone):
            await each.http.aclose()


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)
