"""Providers that refuse, throttle, time out, lose and duplicate; workers that die between steps.

The promise: no job is silent longer than its ladder allows, whatever goes wrong, and the gateway
sends no text twice. What is measured here is told in docs/reliability.md.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update
from sqlmodel import col

from app.core import clock
from app.core.db import Database
from app.demo import jpush as fake_jpush
from app.demo import text_gateway
from app.notifications import alarms, claims, delivery, outbox
from app.notifications.aliyun import AliyunAccount, AliyunSms, AliyunVoice, signed_headers
from app.notifications.channels import Address, Channel, Message, Outcome, SendResult
from app.notifications.fcm import FcmChannel
from app.notifications.gateway import GatewayChannel
from app.notifications.guarding import FAILURES_IN_A_ROW, LEFT_ALONE_S, GuardedChannel
from app.notifications.jpush import JpushChannel
from app.notifications.models import Dispatch
from app.organisation.models import Technician
from tests.app.notifications.conftest import Register
from tests.app.notifications.fake_server import FakeFcm
from tests.app.notifications.records import attempts, change_dispatch, dispatches
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World

NUMBER = "13800000003"
TOLD = Message("m-1", "new", {"order_id": "o-1"}, "新任务", "zh")


@pytest.fixture
async def gateway(fcm_server: FakeFcm) -> AsyncIterator[GatewayChannel]:
    made = GatewayChannel("sms", fcm_server.url, text_gateway.TOKEN)
    yield made
    await made.close()


@pytest.fixture
async def jpush(fcm_server: FakeFcm) -> AsyncIterator[JpushChannel]:
    made = JpushChannel(fake_jpush.APP_KEY, fake_jpush.MASTER_SECRET, fcm_server.url)
    yield made
    await made.close()


class TestJpush:
    @pytest.mark.parametrize(
        ("failure", "outcome"),
        [
            (None, Outcome.ACCEPTED),
            ("unregistered", Outcome.UNREGISTERED),
            ("quota", Outcome.QUOTA),
            ("unavailable", Outcome.UNAVAILABLE),
            ("internal", Outcome.UNAVAILABLE),
            ("invalid", Outcome.REFUSED),
            ("denied", Outcome.MISCONFIGURED),
            ("taken", Outcome.UNAVAILABLE),
            ("lost", Outcome.ACCEPTED),
            ("duplicated", Outcome.ACCEPTED),
        ],
    )
    async def test_each_documented_answer_has_its_meaning(
        self, jpush: JpushChannel, fcm_server: FakeFcm, failure: str | None, outcome: Outcome
    ) -> None:
        device = f"reg-{failure}"
        if failure:
            fcm_server.script(device, failure, times=1, retry_after_s=30)
        (result,) = await jpush.send([Address("jpush", "registration_id", device)], TOLD)
        assert result.outcome is outcome
        assert result.retry_after_s == (30.0 if failure == "quota" else None)
        arrived = {"lost": 0, "duplicated": 2, "taken": 1, None: 1}.get(failure, 0)
        assert len(fcm_server.messages(device)) == arrived

    async def test_a_wrong_key_is_ours_to_mend(self, fcm_server: FakeFcm) -> None:
        channel = JpushChannel("somebody", "else", fcm_server.url)
        (result,) = await channel.send([Address("jpush", "registration_id", "x")], TOLD)
        assert result.outcome is Outcome.MISCONFIGURED
        await channel.close()


class TestGateway:
    async def test_the_same_key_sends_once_even_when_the_answer_was_lost(
        self, gateway: GatewayChannel, fcm_server: FakeFcm
    ) -> None:
        number, told = "13800001111", Message("sms-key-1", "new", {}, "新任务")
        address = Address("sms", "phone", number)
        assert await gateway.find(address, told) is None
        fcm_server.script(number, "taken", times=1)
        (first,) = await gateway.send([address], told)
        assert first.outcome is Outcome.UNAVAILABLE
        found = await gateway.find(address, told)
        (again,) = await gateway.send([address], told)
        assert found is not None
        assert found.outcome is again.outcome is Outcome.ACCEPTED
        assert [each["data"]["text"] for each in fcm_server.messages(number)] == ["新任务"]

    @pytest.mark.parametrize(
        ("failure", "outcome"),
        [
            ("unregistered", Outcome.UNREGISTERED),
            ("quota", Outcome.QUOTA),
            ("unavailable", Outcome.UNAVAILABLE),
            ("invalid", Outcome.REFUSED),
            ("denied", Outcome.MISCONFIGURED),
        ],
    )
    async def test_each_answer_has_its_meaning(
        self, gateway: GatewayChannel, fcm_server: FakeFcm, failure: str, outcome: Outcome
    ) -> None:
        number = f"1380000{failure}"
        fcm_server.script(number, failure, times=1, retry_after_s=7)
        told = Message(f"key-{failure}", "new", {}, "新任务")
        (result,) = await gateway.send([Address("sms", "phone", number)], told)
        assert result.outcome is outcome
        if outcome is Outcome.QUOTA:
            assert result.retry_after_s == 7


class TestAliyun:
    def test_the_published_example_of_the_signature_holds(self) -> None:
        """The fixed-parameter example of Alibaba Cloud's page on the V3 signature."""
        headers = signed_headers(
            "https://ecs.cn-shanghai.aliyuncs.com",
            "RunInstances",
            "2014-05-26",
            {
                "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
                "RegionId": "cn-shanghai",
            },
            key_id="YourAccessKeyId",
            key_secret="YourAccessKeySecret",
            at=datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
            nonce="3156853299f313e23d1673dc12e1703d",
        )
        signature = headers["Authorization"].rpartition("=")[2]
        assert signature == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"

    @pytest.mark.parametrize(
        ("status", "code", "outcome"),
        [
            (200, "OK", Outcome.ACCEPTED),
            (200, "isv.BUSINESS_LIMIT_CONTROL", Outcome.QUOTA),
            (200, "isv.MOBILE_NUMBER_ILLEGAL", Outcome.UNREGISTERED),
            (200, "isv.SMS_TEMPLATE_ILLEGAL", Outcome.REFUSED),
            (200, "isv.AMOUNT_NOT_ENOUGH", Outcome.MISCONFIGURED),
            (400, "SignatureDoesNotMatch", Outcome.MISCONFIGURED),
            (503, "ServiceUnavailable", Outcome.UNAVAILABLE),
            (502, "", Outcome.UNAVAILABLE),
        ],
    )
    async def test_texts_calls_and_a_lost_answer(
        self, status: int, code: str, outcome: Outcome
    ) -> None:
        asked: list[httpx.Request] = []
        days: list[str] = []
        unsaid: dict[str, str] = {}

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if request.headers["x-acs-action"] == "QuerySendDetails":
                if request.url.params["PhoneNumber"] in unsaid:
                    return httpx.Response(200, json={"Code": unsaid[NUMBER], "Message": "no"})
                days.append(request.url.params["SendDate"])
                yesterday = len(set(days)) == 2
                listed = {"SmsSendDetailDTO": [{"OutId": "m-1"}] if yesterday else []}
                return httpx.Response(200, json={"Code": "OK", "SmsSendDetailDTOs": listed})
            return httpx.Response(status, json={"Code": code, "BizId": "b"} if code else None)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            account = AliyunAccount("id", "secret", "https://dysmsapi.aliyuncs.com")
            sms = AliyunSms(account, "派工", {"new": "SMS_1", "new.en": "SMS_2"}, http)
            voice = AliyunVoice(account, "4001112222", {"new": "TTS_1"}, http)
            address = Address("sms", "phone", NUMBER)
            (text_result,) = await sms.send([address], TOLD)
            (call_result,) = await voice.send([address], TOLD)
            assert text_result.outcome is call_result.outcome is outcome
            query = asked[0].url.params
            assert (query["TemplateCode"], query["OutId"]) == ("SMS_1", "m-1")
            assert query["TemplateParam"] == '{"order_id":"o-1"}'
            assert asked[0].headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=id,")
            assert len(asked[1].url.params["OutId"]) == 15
            found = await sms.find(address, TOLD)
            assert found is not None, "a send just before midnight is in yesterday's records"
            assert found.outcome is Outcome.ACCEPTED
            assert await sms.find(address, Message("other", "new", {})) is None
            for word, meaning in (
                ("isp.SYSTEM_ERROR", Outcome.UNAVAILABLE),
                ("isv.INVALID_PARAMETERS", Outcome.UNAVAILABLE),
                ("isp.RAM_PERMISSION_DENY", Outcome.MISCONFIGURED),
            ):
                unsaid[NUMBER] = word
                unknown = await sms.find(address, TOLD)
                assert unknown is not None, "no answer is no `never heard of it`"
                assert unknown.outcome is meaning
            (lacking,) = await sms.send([address], Message("m", "unheard", {}))
            assert lacking.outcome is Outcome.REFUSED


class Scripted:
    """A channel that answers as told, and counts how often it was asked."""

    def __init__(self, provider: str, *results: SendResult) -> None:
        self.provider, self.results, self.asked = provider, list(results), 0

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        self.asked += 1
        return [self.results.pop(0) if self.results else SendResult(Outcome.ACCEPTED)] * len(
            addresses
        )

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        return None

    async def close(self) -> None: ...


class TestGuard:
    async def test_a_provider_that_is_down_is_left_alone_and_asked_again_later(self) -> None:
        now = 100.0
        down = SendResult(Outcome.UNAVAILABLE)
        inner = Scripted("fcm", *[down] * FAILURES_IN_A_ROW)
        guarded = GuardedChannel(inner, lambda: now)
        address = [Address("fcm", "fid", "x")]
        for _ in range(FAILURES_IN_A_ROW + 5):
            (result,) = await guarded.send(address, TOLD)
            assert result.outcome is Outcome.UNAVAILABLE
        assert inner.asked == FAILURES_IN_A_ROW
        now += LEFT_ALONE_S
        assert (await guarded.send(address, TOLD))[0].outcome is Outcome.ACCEPTED

    async def test_a_named_time_is_kept_for_every_message(self) -> None:
        now = 0.0
        inner = Scripted("fcm", SendResult(Outcome.QUOTA, retry_after_s=40))
        guarded = GuardedChannel(inner, lambda: now)
        address = [Address("fcm", "fid", "x")]
        await guarded.send(address, TOLD)
        now = 39.0
        (result,) = await guarded.send(address, TOLD)
        assert (result.outcome, result.retry_after_s, inner.asked) == (Outcome.QUOTA, 1.0, 1)
        now = 40.0
        assert (await guarded.send(address, TOLD))[0].outcome is Outcome.ACCEPTED


async def with_numbers(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(update(Technician).values(phone=NUMBER))


class TestBursts:
    async def test_the_first_goes_at_once_and_the_rest_as_one_sentence(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        rooms = ("锦绣家园1-1-101", "锦绣家园1-1-102", "锦绣家园1-2-201")
        for room in rooms:
            await desk.sent(crew="A2", premises=room, fault_code="H01")
        rows = await dispatches(database)
        await delivery.deliver(database, {"fcm": fcm}, rows[0].id)
        (message,) = fcm_server.messages(address)
        assert (message["data"]["kind"], message["data"]["count"]) == ("new", "3")
        assert {row.state for row in await dispatches(database)} == {"sent"}
        await desk.sent(crew="A2", premises="锦绣家园3-1-101")
        late = (await dispatches(database))[-1]
        await delivery.deliver(database, {"fcm": fcm}, late.id)
        assert len(fcm_server.messages(address)) == 1, "within the burst nothing more is sent"
        clock.advance(timedelta(seconds=20))
        await change_dispatch(database, late.id, due_at=clock.real_now())
        await delivery.deliver(database, {"fcm": fcm}, late.id)
        assert len(fcm_server.messages(address)) == 2

    async def test_a_retry_tells_what_its_first_try_told_and_swallows_nothing(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        fcm_server.script(address, "unavailable", times=1)
        for room in ("锦绣家园1-1-101", "锦绣家园1-1-102"):
            await desk.sent(crew="A2", premises=room, fault_code="H01")
        first, joined = await dispatches(database)
        await delivery.deliver(database, {"fcm": fcm}, first.id)
        await delivery.deliver(database, {"fcm": fcm}, joined.id)
        assert fcm_server.messages(address) == [], "who joined waits for the one that tells of it"
        await desk.sent(crew="A2", premises="锦绣家园1-2-201", fault_code="H01")
        await change_dispatch(database, first.id, due_at=clock.real_now())
        await delivery.deliver(database, {"fcm": fcm}, first.id)
        (message,) = fcm_server.messages(address)
        assert message["data"]["count"] == "2"
        assert [row.state for row in await dispatches(database)] == ["sent", "sent", "queued"]
        late = (await dispatches(database))[-1]
        clock.advance(timedelta(seconds=20))
        await delivery.deliver(database, {"fcm": fcm}, late.id)
        assert fcm_server.messages(address)[-1]["data"]["kind"] == "new"
        assert await _state(database, late.id) == "sent"


class Died(Exception):
    """The worker is killed here."""


Step = Callable[..., Awaitable[object]]


class TestKilledBetweenSteps:
    @pytest.mark.parametrize("place", ["before the claim", "after the claim", "after the call"])
    async def test_a_text_is_sent_once_and_no_silence_outlasts_the_ladder(
        self,
        place: str,
        client: httpx.AsyncClient,
        desk: Desk,
        as_: Headers,
        gateway: GatewayChannel,
        fcm_server: FakeFcm,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        number = f"1390000{len(place)}"
        async with database.transaction() as session:
            await session.execute(update(Technician).values(phone=number))
        channels: dict[str, Channel] = {"sms": gateway}
        await desk.sent(crew="A2")

        # The worker dies in the climb itself: nothing of the step remains, the sweep repeats it.
        with monkeypatch.context() as patched:
            patched.setattr(alarms, "defer", _die)
            clock.advance(timedelta(seconds=120))
            await alarms.sweep(database)
            assert len(await dispatches(database)) == 1
        await alarms.sweep(database)
        sms = next(row for row in await dispatches(database) if row.channel == "sms")

        # It dies around the call to the gateway; its lease runs out, and the sweep queues again.
        broken = {"before the claim": (claims, "claim"), "after the claim": (delivery, "_send")}
        module, name = broken.get(place, (delivery, "settle"))
        with monkeypatch.context() as patched:
            patched.setattr(module, name, _die)
            with pytest.raises(Died):
                await delivery.deliver(database, channels, sms.id)
        await _let_leases_run_out(database)
        if place == "before the claim":
            assert await outbox.requeue_lost(database) == 0, "what has a job needs no second"
        await _lose_jobs(database)
        assert await outbox.requeue_lost(database) >= 1
        await delivery.deliver(database, channels, sms.id)
        assert len(fcm_server.messages(number)) == 1
        assert (await _state(database, sms.id)) == "sent"
        results = [each.result for each in await attempts(database)]
        assert (
            results
            == {
                "before the claim": ["accepted"],
                "after the claim": ["lost", "accepted"],
                "after the call": ["lost", "accepted"],
            }[place]
        )

        # Nobody answers although the text was accepted: the ladder goes on to the red list.
        for seconds in (180, 120, 120):
            clock.advance(timedelta(seconds=seconds))
            await alarms.sweep(database)
        red = await client.get("/notifications/unheard", headers=as_("dispatcher"))
        assert len(red.json()) == 1
        figures = await client.get("/notifications/delivery", headers=as_("chief1"))
        (row,) = figures.json()["rows"]
        assert (row["provider"], row["accepted"], row["heard"]) == ("sms", 1, 0)
        (ladder,) = figures.json()["ladders"]
        assert (ladder["red"], ladder["climbs"]["4"]) == (1, 1)
        await Phone(client, as_("tech03")).pulls()
        figures = await client.get("/notifications/delivery", headers=as_("chief1"))
        assert figures.json()["rows"][0]["heard_share"] == 0.0, "the text's own step was long over"

    async def test_under_every_failure_the_red_list_comes_in_time(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        gateway: GatewayChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        await with_numbers(database)
        address = await register("tech03")
        channels: dict[str, Channel] = {"fcm": fcm, "sms": gateway}
        failures = ("unavailable", "quota", "invalid", "lost", "taken", "unregistered")
        rooms = [
            f"锦绣家园{house}-{room}" for house in "13" for room in ("1-101", "1-102", "2-201")
        ]
        orders: list[UUID] = []
        for number, failure in enumerate(failures):
            fcm_server.script(address, failure)
            fcm_server.script(NUMBER, failure)
            orders.append(UUID(await desk.sent(crew="A2", premises=rooms[number])))
            for seconds in (0, 120, 180, 120, 120):
                clock.advance(timedelta(seconds=seconds))
                await alarms.sweep(database)
                for row in await dispatches(database):
                    if row.state == "queued":
                        await delivery.deliver(database, channels, row.id)
        for token in (address, NUMBER):
            fcm_server.script(token, None)
        async with database.transaction() as session:
            rows = await session.execute(
                text(
                    "SELECT order_id, extract(epoch FROM red_at - created_at) FROM alarms"
                    " WHERE kind = 'new'"
                )
            )
            silent = {row[0]: row[1] for row in rows.all()}
        assert {order: silent[order] for order in orders} == dict.fromkeys(orders, 540)


async def _die(*_args: object, **_more: object) -> None:
    raise Died


async def _state(database: Database, dispatch_id: UUID) -> str:
    return next(row.state for row in await dispatches(database) if row.id == dispatch_id)


async def _lose_jobs(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM procrastinate_jobs"))


async def _let_leases_run_out(database: Database) -> None:
    past = clock.real_now() - timedelta(minutes=5)
    async with database.transaction() as session:
        await session.execute(
            update(Dispatch)
            .where(col(Dispatch.state).in_(["queued", "sending"]))
            .values(due_at=past, leased_until=past)
        )
