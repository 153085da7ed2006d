"""Providers that refuse, throttle, time out, lose and duplicate; workers that die between steps.

The promise: no job is silent longer than its ladder allows, whatever goes wrong, and the gateway
sends no text twice. What is measured here is told in docs/reliability.md.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.notifications import alarms, claims, delivery, outbox, retention
from app.notifications.channels import Address, Channel, Message, Outcome, SendResult
from app.notifications.fcm import FcmChannel
from app.notifications.gateway import GatewayChannel
from app.notifications.models import Dispatch
from app.notifications.retrying import MOST_ATTEMPTS
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


ROOMS = [f"锦绣家园{house}-{room}" for house in "13" for room in ("1-101", "1-102", "2-201")]
RESULTS = {
    "unavailable": {"fcm unavailable", "sms unavailable"},
    "quota": {"fcm quota", "sms quota"},
    "invalid": {"fcm refused", "sms refused"},
    "lost": {"fcm accepted", "sms accepted"},
    "taken": {"fcm unavailable", "sms unavailable", "sms accepted"},
    "unregistered": {"fcm unregistered", "sms unregistered"},
}
"""What the providers say of each order's messages; the last one disowns the phone's address."""


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

    async def test_danger_is_never_one_of_several(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        for room, fault in zip(ROOMS[:3], ("H01", "H07", "H01"), strict=True):
            await desk.sent(crew="A2", premises=room, fault_code=fault)
        ordinary, danger, late = await dispatches(database)
        await delivery.deliver(database, {"fcm": fcm}, danger.id)
        clock.advance(timedelta(seconds=20))  # the others are the rest of its burst
        await delivery.deliver(database, {"fcm": fcm}, ordinary.id)
        alone, several = fcm_server.messages(address)
        assert (alone["data"]["notification_id"], "count" in alone["data"]) == (
            str(danger.notification_id),
            False,
        )
        assert several["data"]["count"] == "2"
        assert await _state(database, late.id) == "sent"

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

    async def test_a_burst_that_never_left_the_house_stays_one_sentence(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        """The provider is left alone meanwhile: nothing was told, so the rest joins again."""
        address = await register("tech03")
        for room in ROOMS[:3]:
            await desk.sent(crew="A2", premises=room, fault_code="H01")
        (first,) = await outbox.due(database, outbox.PUSH, 10, [])
        await delivery.deliver(database, {"fcm": LeftAlone()}, first)
        rows = await dispatches(database)
        assert [(row.state, row.attempt, row.joined_id) for row in rows] == [
            ("queued", 0, None)
        ] * 3
        for row in rows:
            await change_dispatch(database, row.id, due_at=clock.real_now())
        (first,) = await outbox.due(database, outbox.PUSH, 10, [])
        await delivery.deliver(database, {"fcm": fcm}, first)
        (message,) = fcm_server.messages(address)
        assert message["data"]["count"] == "3"
        assert await outbox.due(database, outbox.PUSH, 10, []) == []


class LeftAlone:
    """A provider that is not asked for a while."""

    provider = "fcm"

    async def send(self, addresses: Sequence[Address], _message: Message) -> list[SendResult]:
        told = SendResult(Outcome.UNAVAILABLE, retry_after_s=5.0, asked=False)
        return [told] * len(addresses)

    async def find(self, _address: Address, _message: Message, /) -> SendResult | None:
        return None

    async def close(self) -> None:
        pass


class Broken(LeftAlone):
    """A provider's adapter that raises, as none may."""

    async def send(self, _addresses: Sequence[Address], _message: Message) -> list[SendResult]:
        raise KeyError("an answer of another shape")


class TestTwoWorkers:
    async def test_who_comes_back_after_its_lease_changes_nothing(
        self,
        desk: Desk,
        register: Register,
        fcm: FcmChannel,
        fcm_server: FakeFcm,
        database: Database,
    ) -> None:
        address = await register("tech03")
        await desk.sent(crew="A2")
        (row,) = await dispatches(database)
        async with database.transaction() as session:
            slow = await claims.claim(session, {"fcm": fcm}, row.id)
        assert slow is not None
        await _let_leases_run_out(database)
        assert await outbox.requeue_lost(database) == 1
        await delivery.deliver(database, {"fcm": fcm}, row.id)
        assert await _state(database, row.id) == "sent"
        said = delivery.Answer(SendResult(Outcome.UNAVAILABLE), 60_000)
        async with database.transaction() as session:
            await delivery.settle(session, slow, [said])
        assert await _state(database, row.id) == "sent"
        assert await outbox.due(database, outbox.PUSH, 10, []) == []
        assert len(fcm_server.messages(address)) == 1

    async def test_an_adapter_that_raises_uses_up_its_tries(
        self, desk: Desk, register: Register, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        await register("tech03")
        await desk.sent(crew="A2")
        (row,) = await dispatches(database)
        for _ in range(MOST_ATTEMPTS):
            assert await _state(database, row.id) == "queued"
            await change_dispatch(database, row.id, due_at=clock.real_now())
            await delivery.deliver(database, {"fcm": Broken()}, row.id)
        assert await _state(database, row.id) == "failed"
        assert "ALERT the channel fcm raised" in caplog.text


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
        assert await outbox.requeue_lost(database) == (place != "before the claim")
        assert await outbox.due(database, outbox.SMS, 10, []) == [sms.id]
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
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        number = "13800004444"
        async with database.transaction() as session:
            await session.execute(update(Technician).values(phone=number))
        address = await register("tech03")
        channels: dict[str, Channel] = {"fcm": fcm, "sms": gateway}
        orders: dict[str, UUID] = {}
        for room, failure in zip(ROOMS, RESULTS, strict=True):
            fcm_server.script(address, failure)
            fcm_server.script(number, failure)
            before = {row.id for row in await dispatches(database)}
            orders[failure] = UUID(await desk.sent(crew="A2", premises=room))
            for seconds in (0, 120, 180, 120, 120):
                clock.advance(timedelta(seconds=seconds))
                await alarms.sweep(database)
                for row in await dispatches(database):
                    if row.state == "queued" and row.id not in before:
                        await change_dispatch(database, row.id, due_at=clock.real_now())
                        await delivery.deliver(database, channels, row.id)
        for token in (address, number):
            fcm_server.script(token, None)
        query = (
            "SELECT a.order_id, extract(epoch FROM a.red_at - a.created_at) AS silent,"
            " array_agg(DISTINCT t.provider || ' ' || t.result) AS results FROM alarms a"
            " JOIN notifications n ON n.alarm_id = a.id"
            " JOIN delivery_attempts t ON t.notification_id = n.id"
            " WHERE a.kind = 'new' GROUP BY a.id"
        )
        async with database.transaction() as session:
            rows = {row.order_id: row for row in (await session.execute(text(query))).all()}
        for failure, order in orders.items():
            assert rows[order].silent == 540, failure
            assert set(rows[order].results) == RESULTS[failure], failure
        texts = [each["data"]["text"] for each in fcm_server.messages(number)]
        assert len(texts) == 1, "only the taken one arrived, once, though it was asked for twice"
        assert len(fcm_server.messages(address)) >= 1

        await _nobody_starves(desk, database, monkeypatch)
        await _forgotten_in_time(database)


async def _nobody_starves(desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look finds one alarm, and that one cannot climb."""
    leaks = [await desk.sent(crew="A2", premises=room, fault_code="H06") for room in ROOMS[:2]]
    clock.advance(timedelta(seconds=50))
    climb = alarms.climb
    climbed: list[UUID] = []

    async def fails_first(session: AsyncSession, alarm_id: UUID, now: datetime) -> None:
        climbed.append(alarm_id)
        if len(climbed) == 1:
            raise Died
        await climb(session, alarm_id, now)

    monkeypatch.setattr(alarms, "SWEPT_AT_ONCE", 1)
    monkeypatch.setattr(alarms, "climb", fails_first)
    await alarms.sweep(database)
    query = text("SELECT steps_taken FROM alarms WHERE order_id::text = ANY(:ids) ORDER BY 1")
    async with database.transaction() as session:
        taken = (await session.execute(query, {"ids": leaks})).scalars().all()
    assert list(taken) == [1, 2]


async def _forgotten_in_time(database: Database) -> None:
    """A year's figures stay whole; then messages go, and how long crews were silent stays."""
    count = text(
        "SELECT (SELECT count(*) FROM delivery_attempts), (SELECT count(*) FROM dispatches),"
        " (SELECT count(*) FROM notifications), (SELECT count(*) FROM alarms)"
    )

    async def counted() -> tuple[int, ...]:
        async with database.transaction() as session:
            return tuple((await session.execute(count)).one())

    before = await counted()
    clock.advance(timedelta(days=366))
    assert await retention.purge(database) == 0
    clock.advance(timedelta(days=40))
    assert await retention.purge(database) >= sum(before[:3]) > 0
    assert await counted() == (0, 0, 0, before[3])


async def _die(*_args: object, **_more: object) -> None:
    raise Died


async def _state(database: Database, dispatch_id: UUID) -> str:
    return next(row.state for row in await dispatches(database) if row.id == dispatch_id)


async def _let_leases_run_out(database: Database) -> None:
    past = clock.real_now() - timedelta(minutes=5)
    async with database.transaction() as session:
        await session.execute(
            update(Dispatch)
            .where(col(Dispatch.state).in_(["queued", "sending"]))
            .values(due_at=past, leased_until=past)
        )
