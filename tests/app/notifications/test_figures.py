"""Delivery truth: what each figure counts, and that nobody's message is missing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.notifications import alarms, customer_delivery
from app.notifications.channels import Address, Channels, Message, Outcome, SendResult
from app.notifications.customer_models import CustomerMessage
from app.notifications.delivery import deliver
from app.notifications.ladder_models import Alarm
from app.notifications.staff import STAFF
from app.organisation.models import Technician
from tests.app.notifications.conftest import Register
from tests.app.notifications.records import dispatches
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World


class Taken:
    """A provider that takes everything, and keeps what it took."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.messages: list[Message] = []

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        self.messages.append(message)
        return [SendResult(Outcome.ACCEPTED)] * len(addresses)

    async def find(self, address: Address, message: Message, /) -> None: ...

    async def close(self) -> None: ...


class House:
    """The desk with providers that take everything, and figures as a chief reads them."""

    def __init__(self, desk: Desk, database: Database) -> None:
        self.desk, self.database = desk, database
        self.taken = {name: Taken(name) for name in ("fcm", "sms", "voice", STAFF)}
        self.channels: Channels = dict(self.taken)

    async def send(self) -> None:
        """Whatever is queued goes out."""
        for row in await dispatches(self.database):
            await deliver(self.database, self.channels, row.id)

    async def later(self, seconds: int) -> None:
        clock.advance(timedelta(seconds=seconds))
        await alarms.sweep(self.database)
        await self.send()

    def push_id(self, nth: int) -> str:
        return self.taken["fcm"].messages[nth].data["push_id"]

    async def told(self, who: str = "chief1") -> dict[str, Any]:
        answer = await self.desk.client.get("/notifications/delivery", headers=self.desk.as_(who))
        assert answer.status_code == 200, answer.text
        figures: dict[str, Any] = answer.json()
        return figures

    async def row(self, provider: str) -> dict[str, int]:
        (row,) = [each for each in (await self.told())["rows"] if each["provider"] == provider]
        names = ("attempts", "accepted", "arrived", "heard", "by_itself")
        return {name: row[name] for name in names}


@pytest.fixture
async def house(desk: Desk, database: Database) -> House:
    async with database.transaction() as session:
        await session.execute(update(Technician).values(phone="13900000077"))
    return House(desk, database)


def counts(*figures: int) -> dict[str, int]:
    names = ("attempts", "accepted", "arrived", "heard", "by_itself")
    return dict(zip(names, figures, strict=True))


async def says(phone: Phone, *push_ids: str) -> None:
    """A pull that tells which pushes came."""
    phone.headers["Pushes-Arrived"] = ",".join(push_ids)
    await phone.sync()
    del phone.headers["Pushes-Arrived"]


async def test_a_push_is_heard_when_it_arrived_and_the_answer_came_in_time(
    house: House, register: Register, as_: Headers
) -> None:
    for username in ("tech01", "tech02", "tech03"):
        await register(username)
    await house.desk.sent(crew="A1")
    await house.send()
    clock.advance(timedelta(seconds=30))
    first, second = (Phone(house.desk.client, as_(name)) for name in ("tech01", "tech02"))
    await says(second, house.push_id(0), house.push_id(1), str(uuid4()))
    assert await house.row("fcm") == counts(2, 2, 1, 0, 0), "each device speaks for itself"
    await says(second, house.push_id(0), house.push_id(1))
    await second.pulls()
    await first.pulls()
    assert await house.row("fcm") == counts(2, 2, 1, 1, 1), "the other asked by its own timer"
    bad = await house.desk.client.get(
        "/mobile/sync", headers=as_("tech01") | {"Pushes-Arrived": "yes"}
    )
    assert bad.status_code == 422


async def test_a_later_step_takes_the_credit_and_after_the_last_nobody_has_it(
    house: House, register: Register, as_: Headers
) -> None:
    await register("tech03")
    await house.desk.sent(crew="A2")
    await house.send()
    await house.later(120)  # a second push, and a text
    clock.advance(timedelta(seconds=60))
    phone = Phone(house.desk.client, as_("tech03"))
    await phone.pulls()
    assert await house.row("sms") == counts(1, 1, 0, 1, 0)
    assert await house.row("fcm") == counts(2, 2, 0, 0, 1), "the first push was given up by then"

    await house.desk.sent(crew="A2", premises="锦绣家园1-1-102")
    for seconds in (0, 120, 180, 120, 120):
        await house.later(seconds)
    assert (await house.row("voice"))["accepted"] == 1
    await phone.pulls()
    assert await house.row("voice") == counts(1, 1, 0, 0, 0), "four minutes after the last call"
    ordinary = next(each for each in (await house.told())["ladders"] if each["red"])
    assert (ordinary["heard"], ordinary["open"]) == (2, 0)


async def test_nobodys_message_is_missing(house: House, register: Register) -> None:
    await register("tech03")
    await house.desk.sent(crew="A2")
    for seconds in (0, 120, 180, 120):
        await house.later(seconds)
    async with house.database.transaction() as session:
        waiting = list((await session.exec(select(col(CustomerMessage.id)))).all())
    for message_id in waiting:
        await customer_delivery.deliver(house.database, house.channels, message_id)
    told = await house.told()
    assert {each["provider"] for each in told["rows"]} == {"fcm", "sms", "voice", STAFF}
    (received,) = told["customers"]
    assert received == received | {
        "kind": "received",
        "messages": 1,
        "sent": 1,
        "attempts": 1,
        "failed": 0,
    }
    assert told["definitions"]["heard"]["zh"] and "by_itself" in told["definitions"]
    foreign = await house.told("chief2")
    assert (foreign["rows"], foreign["customers"], foreign["ladders"]) == ([], [], [])
    metrics = house.desk.as_("admin")
    answer = await house.desk.client.get("http://test/metrics", headers=metrics)
    assert 'attempts_last_day{provider="staff",result="accepted"} 1.0' in answer.text
    assert 'customer_messages_last_day{kind="received",state="sent"} 1.0' in answer.text
    assert 'paigong_alarms_by_end{end="open"} 1.0' in answer.text
    clock.advance(timedelta(days=1))
    told = (await house.desk.client.get("http://test/metrics", headers=metrics)).text
    assert 'paigong_alarms_total{ladder="ordinary"} 1.0' in told, "counters never fall"
    assert "attempts_last_day{" not in told


class TestTop:
    """What stands at the top of a ladder ends there, or with a person's word"""

    async def test_a_red_job_is_noted_and_settled_by_name_and_reason(
        self, house: House, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        order_id = await house.desk.sent(crew="A2")
        (alarm,) = await _alarms(house.database)
        path = f"/notifications/unheard/{alarm.id}/replies"

        async def reply(who: str, kind: str, reason: str = "电话已联系班长") -> httpx.Response:
            body = {"kind": kind, "reason": reason}
            return await client.post(path, json=body, headers=as_(who))

        assert (await reply("dispatcher1", "noted")).json()["type"].endswith("alarm-not-red")
        await house.later(540)
        assert (await reply("chief2", "settled")).status_code == 404
        assert (await reply("agent", "settled")).status_code == 403
        assert (await reply("dispatcher1", "settled", "")).status_code == 422
        assert (await reply("dispatcher1", "noted")).status_code == 201
        (listed,) = (await client.get("/notifications/unheard", headers=as_("chief1"))).json()
        assert listed["order_id"] == order_id
        (noted,) = listed["noted"]
        assert (noted["reason"], UUID(noted["by"])) == (
            "电话已联系班长",
            world.users["dispatcher1"],
        )
        assert (await reply("chief1", "settled", "已改派")).json()["kind"] == "settled"
        assert (await reply("chief1", "settled")).status_code == 409
        assert (await client.get("/notifications/unheard", headers=as_("chief1"))).json() == []
        (alarm,) = await _alarms(house.database)
        assert (alarm.closed_why, alarm.closed_at) == ("settled", clock.now())
        (ladder,) = (await house.told())["ladders"]
        assert (ladder["red"], ladder["settled"], ladder["open"]) == (1, 1, 0)

    async def test_a_ladder_without_red_ends_as_climbed_until_a_phone_shows_to_know(
        self, house: House, as_: Headers
    ) -> None:
        order_id = await house.desk.sent(crew="A2")
        phone = Phone(house.desk.client, as_("tech03"))
        await phone.do("accept", order_id)
        await house.desk.amend(order_id, notes="院门密码 2580")
        await house.later(300)
        news = (await _alarms(house.database))[-1]
        assert (news.kind, news.closed_why, news.next_step_at) == ("changed", "climbed", None)
        await phone.pulls()
        assert (await _alarms(house.database))[-1].closed_why == "heard"


async def _alarms(database: Database) -> list[Alarm]:
    async with database.transaction() as session:
        return list((await session.exec(select(Alarm).order_by(col(Alarm.id)))).all())
