"""Sending: what each answer of the provider does to message, address and queue."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from app.core import clock
from app.core.db import Database
from app.core.drain import Drain
from app.demo.fcm_account import write_account
from app.notifications import outbox
from app.notifications.channels import Address, Channels, Message, Outcome, SendResult
from app.notifications.delivery import deliver
from app.notifications.fcm import FcmChannel
from app.notifications.retrying import (
    BACK_OFF_S,
    LONGEST_BACK_OFF_S,
    LONGEST_WAIT_S,
    MOST_ATTEMPTS,
    QUOTA_WAIT_S,
    UNTIL_MENDED_S,
    retry_wait_s,
)
from tests.app.notifications.conftest import Register
from tests.app.notifications.fake_server import FakeFcm, running
from tests.app.notifications.records import (
    addresses,
    attempts,
    change_dispatch,
    dispatch_of,
    notifications,
)
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone


async def the_notification(database: Database) -> UUID:
    (row,) = await notifications(database)
    return row.id


async def push(database: Database, channels: Channels, notification_id: UUID) -> None:
    """What becomes of the message that was queued."""
    await deliver(database, channels, (await dispatch_of(database, notification_id)).id)


async def state(database: Database) -> str:
    return (await notifications(database))[0].state


class TestDeliver:
    async def test_an_accepted_message_reaches_the_phone(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        order_id = await desk.sent(crew="A2")
        notification_id = await the_notification(database)
        await push(database, {"fcm": fcm}, notification_id)
        (message,) = fcm_server.messages(address)
        assert message["data"]["order_id"] == order_id
        assert message["data"]["notification_id"] == str(notification_id)
        (row,) = await notifications(database)
        assert (row.state, row.sent_at) == ("sent", clock.now())
        (attempt,) = await attempts(database)
        assert attempt.result == "accepted"
        assert attempt.provider_message_id is not None

    async def test_a_job_that_runs_twice_sends_once(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        await desk.sent(crew="A2")
        for _ in range(2):
            await push(database, {"fcm": fcm}, await the_notification(database))
        assert len(fcm_server.messages(address)) == 1

    async def test_a_dead_token_is_dropped_and_not_tried_again(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        fcm_server.script(address, "unregistered")
        await desk.sent(crew="A2")
        await push(database, {"fcm": fcm}, await the_notification(database))
        buried = (await addresses(database))[address]
        assert buried.dead_at == clock.now()
        assert "UnregisteredError" in (buried.dead_why or "")
        assert await state(database) == "no_address"
        asked = fcm_server.counts()["asked"]
        await desk.sent(crew="A2", premises="锦绣家园1-1-102")
        second = (await notifications(database))[-1]
        await push(database, {"fcm": fcm}, second.id)
        assert fcm_server.counts()["asked"] == asked

    async def test_quota_waits_as_long_as_the_server_says(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        fcm_server.script(address, "quota", times=1, retry_after_s=37)
        await desk.sent(crew="A2")
        notification_id = await the_notification(database)
        before = clock.real_now()
        await push(database, {"fcm": fcm}, notification_id)
        after = clock.real_now()
        assert await state(database) == "queued"
        dispatch = await dispatch_of(database, notification_id)
        assert before + timedelta(seconds=37) <= dispatch.due_at
        assert dispatch.due_at <= after + timedelta(seconds=37 * 1.2)
        assert await outbox.due(database, outbox.PUSH, 10, []) == []
        await push(database, {"fcm": fcm}, notification_id)
        assert await state(database) == "queued", "nobody is asked before the time is over"
        await change_dispatch(database, dispatch.id, due_at=clock.real_now())
        await push(database, {"fcm": fcm}, notification_id)
        assert await state(database) == "sent"
        assert [row.result for row in await attempts(database)] == ["quota", "accepted"]

    async def test_an_outage_is_given_up_after_the_last_attempt(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        fcm_server.script(await register("tech03"), "unavailable")
        await desk.sent(crew="A2")
        notification_id = await the_notification(database)
        dispatch = await dispatch_of(database, notification_id)
        await change_dispatch(database, dispatch.id, attempt=MOST_ATTEMPTS - 2)
        await push(database, {"fcm": fcm}, notification_id)
        assert await state(database) == "queued"
        await change_dispatch(database, dispatch.id, due_at=clock.real_now())
        assert await outbox.due(database, outbox.PUSH, 10, []) == [dispatch.id]
        await push(database, {"fcm": fcm}, notification_id)
        assert await state(database) == "failed"
        assert await outbox.due(database, outbox.PUSH, 10, []) == []

    @pytest.mark.parametrize(
        ("failure", "result", "alert"),
        [("invalid", "refused", False), ("third_party_auth", "misconfigured", True)],
    )
    async def test_a_wrong_message_fails_at_once_and_a_wrong_key_waits_to_be_mended(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
        caplog: pytest.LogCaptureFixture,
        failure: str,
        result: str,
        alert: bool,
    ) -> None:
        fcm_server.script(await register("tech03"), failure)
        await desk.sent(crew="A2")
        with caplog.at_level(logging.ERROR, logger="app.notifications.delivery"):
            await push(database, {"fcm": fcm}, await the_notification(database))
        assert await state(database) == ("queued" if alert else "failed")
        assert [row.result for row in await attempts(database)] == [result]
        assert await outbox.due(database, outbox.PUSH, 10, []) == []
        assert ("ALERT" in caplog.text) is alert

    async def test_an_order_withdrawn_meanwhile_wakes_nobody(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        order_id = await desk.sent(crew="A2")
        await desk.withdraw(order_id)
        new, withdrawn = await notifications(database)
        await push(database, {"fcm": fcm}, new.id)
        await push(database, {"fcm": fcm}, withdrawn.id)
        assert [row.state for row in await notifications(database)] == ["moot", "sent"]
        assert [m["data"]["kind"] for m in fcm_server.messages(address)] == ["withdrawn"]

    async def test_a_pull_that_was_faster_makes_the_push_moot(
        self, desk: Desk, register: Register, as_: Headers, fcm: FcmChannel, database: Database
    ) -> None:
        await register("tech03")
        await desk.sent(crew="A2")
        await Phone(desk.client, as_("tech03")).pulls()
        await push(database, {"fcm": fcm}, await the_notification(database))
        assert await state(database) == "moot"
        assert await attempts(database) == []

    async def test_without_credentials_phones_pull(
        self, desk: Desk, register: Register, database: Database
    ) -> None:
        await register("tech03")
        await desk.sent(crew="A2")
        await push(database, {}, await the_notification(database))
        assert await state(database) == "no_address"

    async def test_no_connection_is_held_while_the_provider_is_asked(
        self, desk: Desk, register: Register, database: Database
    ) -> None:
        held: list[int] = []

        class Watching:
            provider = "fcm"

            async def send(
                self, addresses: Sequence[Address], message: Message
            ) -> list[SendResult]:
                held.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]
                return [SendResult(Outcome.ACCEPTED)]

            async def find(self, address: Address, message: Message) -> None: ...

            async def close(self) -> None: ...

        await register("tech03")
        await desk.sent(crew="A2")
        await push(database, {"fcm": Watching()}, await the_notification(database))
        assert held == [0]

    async def test_a_registration_during_the_send_outlives_the_old_verdict(
        self,
        desk: Desk,
        register: Register,
        client: httpx.AsyncClient,
        database: Database,
        as_: Headers,
    ) -> None:
        address = await register("tech03")
        body = {"provider": "fcm", "kind": "fid", "address": address}

        class Slow:
            provider = "fcm"

            async def send(
                self, addresses: Sequence[Address], message: Message
            ) -> list[SendResult]:
                clock.advance(timedelta(seconds=1))
                await client.put("/mobile/push-address", json=body, headers=as_("tech03"))
                return [SendResult(Outcome.UNREGISTERED)]

            async def find(self, address: Address, message: Message) -> None: ...

            async def close(self) -> None: ...

        await desk.sent(crew="A2")
        await push(database, {"fcm": Slow()}, await the_notification(database))
        assert (await addresses(database))[address].dead_at is None


class TestRetryWait:
    def test_nothing_to_retry_waits_for_nothing(self) -> None:
        assert retry_wait_s([SendResult(Outcome.ACCEPTED), SendResult(Outcome.REFUSED)], 1) is None

    def test_quota_without_a_time_waits_a_minute(self) -> None:
        wait_s = retry_wait_s([SendResult(Outcome.QUOTA)], 1)
        assert wait_s is not None
        assert QUOTA_WAIT_S <= wait_s <= QUOTA_WAIT_S * 1.2

    def test_an_outage_backs_off_and_is_bounded(self) -> None:
        for attempt in range(1, MOST_ATTEMPTS):
            wait_s = retry_wait_s([SendResult(Outcome.UNAVAILABLE)], attempt)
            least = min(BACK_OFF_S * 2 ** (attempt - 1), LONGEST_BACK_OFF_S)
            assert wait_s is not None
            assert least <= wait_s <= least * 1.2
            guarded = SendResult(Outcome.UNAVAILABLE, retry_after_s=1.0)
            assert (retry_wait_s([guarded], attempt) or 0.0) >= least

    def test_no_header_silences_a_message_for_ever_and_no_wrong_key_loses_it(self) -> None:
        for outcome, asked in ((Outcome.QUOTA, True), (Outcome.UNAVAILABLE, False)):
            named = SendResult(outcome, retry_after_s=1e9, asked=asked)
            assert LONGEST_WAIT_S <= (retry_wait_s([named], 1) or 0.0) <= LONGEST_WAIT_S * 1.2
        wrong, taken = SendResult(Outcome.MISCONFIGURED), SendResult(Outcome.ACCEPTED)
        assert (retry_wait_s([wrong], 1) or 0.0) >= UNTIL_MENDED_S
        assert retry_wait_s([wrong, taken], 1) is None, "another address took it"
        busy = SendResult(Outcome.UNAVAILABLE)
        assert (retry_wait_s([wrong, busy], 1) or 0.0) < UNTIL_MENDED_S


class TestWorker:
    async def test_a_drain_sends_what_the_business_transaction_wrote(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        await desk.sent(crew="A2")
        look = partial(outbox.due, database, outbox.PUSH)
        drain = Drain("pushes", look, partial(deliver, database, {"fcm": fcm}), every_s=0.01)
        working = asyncio.create_task(drain.run())
        async with asyncio.timeout(30):
            while await state(database) != "sent":  # noqa: ASYNC110 - a row says it
                await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert len(fcm_server.messages(address)) == 1
        assert await state(database) == "sent"


class TestLoss:
    async def test_when_every_push_is_lost_the_pull_brings_the_job(
        self, desk: Desk, register: Register, as_: Headers, database: Database, tmp_path: Path
    ) -> None:
        address = await register("tech03")
        with running(loss=1.0) as lossy:
            account = tmp_path / "account.json"
            write_account(account, lossy.url)
            channel = FcmChannel(account, lossy.url)
            order_id = await desk.sent(crew="A2")
            await push(database, {"fcm": channel}, await the_notification(database))
            await channel.close()
            assert lossy.messages(address) == []
        (row,) = await notifications(database)
        assert (row.state, row.acknowledged_at) == ("sent", None)
        phone = Phone(desk.client, as_("tech03"))
        await phone.pulls()
        assert list(phone.jobs) == [order_id]
        (row,) = await notifications(database)
        assert row.acknowledged_at == clock.now()
