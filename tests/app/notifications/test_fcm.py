"""The FCM channel: the real SDK against the fake server, one result class after another."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from firebase_admin import _http_client, _retry, credentials, initialize_app, messaging

from app.core.ids import new_secret
from app.demo.fcm_account import write_account
from app.notifications.channels import Address, Message, Outcome, SendResult
from app.notifications.fcm import FcmChannel
from tests.app.notifications.fake_server import FakeFcm, running

DATA = {"kind": "new", "order_id": "o-1", "order_version": "4"}


async def send(channel: FcmChannel, token: str, kind: str = "fid") -> SendResult:
    """One message to one phone."""
    message = Message(key="m-1", kind="new", data=DATA)
    (result,) = await channel.send([Address("fcm", kind, token)], message)
    return result


@pytest.fixture
def token() -> str:
    return new_secret(8)


class TestSend:
    async def test_a_message_arrives_with_its_data_and_nothing_else(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str
    ) -> None:
        result = await send(fcm, token)
        assert result.outcome is Outcome.ACCEPTED
        assert result.message_id is not None
        assert result.message_id.startswith("projects/paigong-demo/messages/")
        assert [each["data"] for each in fcm_server.messages(token)] == [DATA]

    async def test_a_registration_token_of_older_apps_still_works(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str
    ) -> None:
        assert (await send(fcm, token, "token")).outcome is Outcome.ACCEPTED
        assert len(fcm_server.messages(token)) == 1

    async def test_each_of_a_batch_is_answered_by_itself_and_in_order(
        self, fcm: FcmChannel, fcm_server: FakeFcm
    ) -> None:
        tokens = [new_secret(8) for _ in range(3)]
        fcm_server.script(tokens[1], "unregistered", times=1)
        addresses = [Address("fcm", "fid", each) for each in tokens]
        results = await fcm.send(addresses, Message(key="m-2", kind="new", data=DATA))
        assert [each.outcome for each in results] == [
            Outcome.ACCEPTED,
            Outcome.UNREGISTERED,
            Outcome.ACCEPTED,
        ]
        assert [len(fcm_server.messages(each)) for each in tokens] == [1, 0, 1]

    async def test_the_oauth_token_is_asked_for_once(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str
    ) -> None:
        before = fcm_server.counts().get("tokens", 0)
        for _ in range(3):
            await send(fcm, token)
        assert fcm_server.counts()["tokens"] == before + 1


class TestFailures:
    @pytest.mark.parametrize(
        ("failure", "outcome"),
        [
            ("unregistered", Outcome.UNREGISTERED),
            ("sender_mismatch", Outcome.UNREGISTERED),
            ("quota", Outcome.QUOTA),
            ("unavailable", Outcome.UNAVAILABLE),
            ("internal", Outcome.UNAVAILABLE),
            ("invalid", Outcome.REFUSED),
            ("denied", Outcome.MISCONFIGURED),
        ],
    )
    async def test_each_answer_has_its_meaning(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str, failure: str, outcome: Outcome
    ) -> None:
        fcm_server.script(token, failure, times=1)
        assert (await send(fcm, token)).outcome is outcome
        assert fcm_server.messages(token) == []
        assert (await send(fcm, token)).outcome is Outcome.ACCEPTED

    async def test_rejected_credentials_of_a_third_party_are_our_misconfiguration(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str
    ) -> None:
        fcm_server.script(token, "third_party_auth")
        assert (await send(fcm, token)).outcome is Outcome.MISCONFIGURED

    async def test_retry_after_is_read_in_seconds(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str
    ) -> None:
        fcm_server.script(token, "quota", times=1, retry_after_s=37)
        assert (await send(fcm, token)).retry_after_s == 37.0

    async def test_the_sdk_itself_does_not_retry(
        self, fcm: FcmChannel, fcm_server: FakeFcm, token: str
    ) -> None:
        before = fcm_server.counts().get("asked", 0)
        fcm_server.script(token, "unavailable")
        await send(fcm, token)
        assert fcm_server.counts()["asked"] == before + 1

    async def test_a_server_that_never_answers_is_an_outage(
        self, fcm_account: Path, fcm_server: FakeFcm, token: str
    ) -> None:
        channel = FcmChannel(fcm_account, fcm_server.url, timeout_s=0.3)
        fcm_server.script(token, "silent", times=1)
        assert (await send(channel, token)).outcome is Outcome.UNAVAILABLE
        await channel.close()

    async def test_a_server_that_is_gone_is_an_outage(self, tmp_path: Path, token: str) -> None:
        account = tmp_path / "account.json"
        with running() as gone:
            write_account(account, gone.url)
        channel = FcmChannel(account, gone.url, timeout_s=2)
        assert (await send(channel, token)).outcome is Outcome.UNAVAILABLE
        await channel.close()

    async def test_a_refused_sign_in_is_our_misconfiguration(
        self, tmp_path: Path, fcm_server: FakeFcm, token: str
    ) -> None:
        account = tmp_path / "account.json"
        write_account(account, fcm_server.url)
        text = account.read_text().replace("/token", "/phones/x/messages")
        account.write_text(text)
        channel = FcmChannel(account, fcm_server.url, timeout_s=2)
        assert (await send(channel, token)).outcome is Outcome.MISCONFIGURED
        await channel.close()


class TestPrivateNamesOfTheSdk:
    async def test_those_that_the_channel_relies_on_still_exist(self, fcm_account: Path) -> None:
        assert "{0}" in messaging._MessagingService.FCM_URL
        app = initialize_app(credentials.Certificate(str(fcm_account)), name=new_secret(8))
        service = messaging._get_messaging_service(app)
        assert service._fcm_url == messaging._MessagingService.FCM_URL.format("paigong-demo")
        assert isinstance(service._async_client, _http_client.HttpxAsyncClient)
        assert service._credential.valid is False
        assert _retry.HttpxRetry(max_retries=0).retries_left == 0
        await service._async_client._async_client.aclose()


class TestFakeServer:
    def test_a_waiting_phone_is_answered_when_the_time_is_over(self, fcm_server: FakeFcm) -> None:
        assert fcm_server.messages("nobody", wait_s=0.05) == []

    def test_a_send_without_a_token_is_unauthenticated(self, fcm_server: FakeFcm) -> None:
        answer = httpx.post(f"{fcm_server.url}/v1/projects/p/messages:send", json={})
        assert answer.status_code == 401

    async def test_total_loss_accepts_and_delivers_nothing(
        self, tmp_path: Path, token: str
    ) -> None:
        with running(loss=1.0) as lossy:
            account = tmp_path / "account.json"
            write_account(account, lossy.url)
            channel = FcmChannel(account, lossy.url)
            assert (await send(channel, token)).outcome is Outcome.ACCEPTED
            await channel.close()
            assert lossy.messages(token) == []
            assert lossy.counts()["lost"] == 1

    def test_the_program_refuses_an_impossible_loss(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "app.demo.fcm", "--port", "1", "--loss", "2"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "--loss" in done.stderr
