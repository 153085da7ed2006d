"""What each provider's answers mean, as documented: refusals, limits, outages, lost answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import httpx
import pytest

from app.demo import jpush as fake_jpush
from app.notifications.aliyun import AliyunAccount, AliyunSms, AliyunVoice, signed_headers
from app.notifications.channels import Address, Message, Outcome, SendResult
from app.notifications.gateway import GatewayChannel
from app.notifications.guarding import (
    FAILURES_IN_A_ROW,
    LEFT_ALONE_S,
    PROBED_S,
    GuardedChannel,
)
from app.notifications.jpush import JpushChannel
from app.notifications.retrying import MOST_ATTEMPTS, retry_wait_s
from tests.app.notifications.fake_server import FakeFcm

NUMBER = "13800000003"
TOLD = Message("m-1", "new", {"order_id": "o-1"}, "新任务", "zh")


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
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        self.asked += 1
        await self.open.wait()
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
        assert not result.asked, "nothing left the house"
        last = MOST_ATTEMPTS
        assert retry_wait_s([SendResult(Outcome.UNAVAILABLE)], last) is None
        assert LEFT_ALONE_S <= (retry_wait_s([result], last) or 0) <= LEFT_ALONE_S * 1.2
        now += LEFT_ALONE_S
        assert (await guarded.send(address, TOLD))[0].outcome is Outcome.ACCEPTED

    async def test_after_the_pause_one_call_goes_first_and_a_failure_closes_again(self) -> None:
        now = 100.0
        down = SendResult(Outcome.UNAVAILABLE)
        inner = Scripted("fcm", *[down] * (FAILURES_IN_A_ROW + 1))
        guarded = GuardedChannel(inner, lambda: now)
        address = [Address("fcm", "fid", "x")]
        for _ in range(FAILURES_IN_A_ROW):
            await guarded.send(address, TOLD)
        now += LEFT_ALONE_S
        inner.open.clear()
        first = asyncio.create_task(guarded.send(address, TOLD))
        await asyncio.sleep(0)
        (second,) = await guarded.send(address, TOLD)
        assert (second.asked, second.retry_after_s, inner.asked) == (False, PROBED_S, 4)
        inner.open.set()
        assert (await first)[0].asked
        (third,) = await guarded.send(address, TOLD)
        assert (third.asked, third.retry_after_s) == (False, LEFT_ALONE_S), "one failure is enough"
        now += LEFT_ALONE_S
        assert (await guarded.send(address, TOLD))[0].outcome is Outcome.ACCEPTED
        told = await asyncio.gather(*(guarded.send(address, TOLD) for _ in range(3)))
        assert {each[0].outcome for each in told} == {Outcome.ACCEPTED}

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
