"""Urging, supervision, holds by their reason, and requests that nobody decides."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from app.core import clock
from app.core.db import Database
from app.core.problems import TYPE_BASE
from app.notifications.models import Notification
from app.tickers import run_timers
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import NOW, World

MINUTE = timedelta(minutes=1)
Json = dict[str, Any]


class Office(Desk):
    """The desk, with its clocks: the worker's own sweep, run at a moment."""

    database: Database

    async def post(self, path: str, who: str, body: Json, expected: int = 200) -> Json:
        answer = await self.client.post(path, json=body, headers=self.as_(who))
        assert answer.status_code == expected, answer.text
        told: Json = answer.json()
        return told

    async def urge(self, order_id: str) -> int:
        told = await self.post(f"/work-orders/{order_id}/urge", "agent", {"reason": "还没来"})
        urges: int = told["urges"]
        return urges

    async def sweep(self) -> None:
        await run_timers(self.database)

    async def duties(self, who: str = "dispatcher", **query: Any) -> list[Json]:
        answer = await self.client.get("/reply-duties", params=query, headers=self.as_(who))
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    async def causes(self, order_id: str) -> list[tuple[int, str]]:
        found = await self.duties(order_id=order_id, open_only=False)
        return sorted((each["level"], each["cause"]) for each in found if each["level"])

    async def hold(self, order_id: str, reason: str, proof: str, hours: float) -> httpx.Response:
        body = {
            "reason": reason,
            "until": (clock.now() + timedelta(hours=hours)).isoformat(),
            "note": "测试",
            "proof": {"kind": proof, "reference": "77"},
        }
        path = f"/work-orders/{order_id}/hold"
        return await self.client.post(path, json=body, headers=self.as_("dispatcher1"))

    async def held(self, order_id: str, reason: str, proof: str, hours: float) -> None:
        asked = await self.hold(order_id, reason, proof, hours)
        assert asked.status_code == 202, asked.text
        path = f"/approvals/{asked.json()['id']}/decide"
        await self.post(path, "chief1", {"approved": True})


@pytest.fixture
def office(client: httpx.AsyncClient, world: World, as_: Headers, database: Database) -> Office:
    made = Office(client, world, as_)
    made.database = database
    return made


async def test_urges_merge_for_a_quarter_of_an_hour_and_every_third_raises_the_level(
    office: Office,
) -> None:
    order_id = await office.sent("A2")
    await office.post(
        f"/work-orders/{order_id}/pin", "dispatcher", {"crew_id": None, "reason": "x"}, 409
    )
    counted = []
    for minutes in (0, 7, 7, 2, 16):  # the window opens with the first and does not slide
        clock.advance(minutes * MINUTE)
        counted.append(await office.urge(order_id))
    assert counted == [1, 1, 1, 2, 3]
    urges = [each for each in await office.duties() if each["kind"] == "urge"]
    assert [each["merged"] for each in urges] == [2, 0, 0]
    assert urges[0]["due_at"].startswith("2026-01-15T00:15")
    order = await office.order(order_id)
    assert (order["urges"], order["supervision_level"]) == (3, 1)
    async with office.database.transaction() as session:
        told = select(Notification.user_id).where(Notification.kind == "urged")
        assert (await session.exec(told)).all() == [office.world.users["tech03"]] * 3
    assert await office.causes(order_id) == [(1, "urges")]
    replied = {"reply": "十分钟后到"}
    answer = f"/reply-duties/{urges[2]['id']}/answer"
    await office.post(answer, "agent", replied, 403)
    await office.post(answer, "chief2", replied, 404)
    assert (await office.post(answer, "dispatcher1", replied))["reply"] == "十分钟后到"
    again = await office.post(answer, "chief1", replied, 409)
    assert again["type"] == TYPE_BASE + "reply-given"
    assert await office.urge(order_id) == 4, "an answered urge takes no more"


async def test_a_reply_that_does_not_come_climbs_up_to_the_company(office: Office) -> None:
    order_id = await office.sent("A2")
    await office.urge(order_id)
    for minutes, levels in ((14, []), (1, [1]), (29, [1]), (1, [1, 2]), (600, [1, 2])):
        clock.advance(minutes * MINUTE)
        for _ in range(2):  # a worker that died in between looks again
            await office.sweep()
        climbed = [level for level, cause in await office.causes(order_id) if cause == "unanswered"]
        assert climbed == levels, minutes
    company = (await office.duties("manager", level=2))[0]
    path = f"/reply-duties/{company['id']}/answer"
    refused = await office.post(path, "dispatcher1", {"reply": "在路上"}, 403)
    assert refused["type"] == TYPE_BASE + "not-your-role"
    await office.post(path, "chief1", {"reply": "已改派"})


async def test_limits_call_for_supervision_at_80_100_and_150_percent(office: Office) -> None:
    order_id = await office.report(fault_code="H01")
    late = await office.report(premises="锦绣家园1-1-102")
    seen = []
    for minutes in (95, 1, 24, 60):
        clock.advance(minutes * MINUTE)
        await office.sweep()
        found = [
            each for each in await office.duties(order_id=order_id) if each["cause"] == "clock"
        ]
        seen.append([(each["level"], each["reason"]) for each in found])
    first = (1, "K4 has used 80 % of its limit")
    second = (2, "K4 has used 100 % of its limit")
    assert [len(each) for each in seen] == [0, 1, 2, 3]
    assert (seen[1], seen[2]) == ([first], [first, second])
    assert (2, "K4 has used 150 % of its limit") in seen[3]
    assert (await office.order(order_id))["supervision_level"] == 2
    slot = {
        "starts_at": (clock.now() + 60 * MINUTE).isoformat(),
        "ends_at": (clock.now() + 180 * MINUTE).isoformat(),
    }
    for order, asked_by in ((order_id, "customer"), (late, "company")):
        body = {"appointment": slot, "reason": "改约", "asked_by": asked_by}
        await office.post(f"/work-orders/{order}/rebook", "agent", body)
    clocks = {
        order: {each["clock"]: each for each in (await office.order(order))["clocks"]}
        for order in (order_id, late)
    }
    assert clocks[order_id]["K4"]["net_s"] == 0
    assert clocks[order_id]["K4"]["gross_s"] == clocks[late]["K4"]["net_s"] == 3 * 3600
    clock.advance((60 + 96) * MINUTE)
    await office.sweep()
    again = [each["reason"] for each in await office.duties(order_id=order_id)]
    assert again.count("K4 has used 80 % of its limit") == 2, "the wished slot begins anew"


async def test_people_supervise_by_their_post_and_only_a_reply_ends_it(office: Office) -> None:
    order_id = await office.report()
    path = f"/work-orders/{order_id}/supervise"
    await office.post(path, "dispatcher1", {"level": 1, "reason": "12345"}, 403)
    refused = await office.post(path, "chief1", {"level": 3, "reason": "12345"}, 403)
    assert refused["roles"] == ["manager"]
    told = await office.post(path, "manager", {"level": 3, "reason": "12345 转办"}, 201)
    await office.post(path, "chief1", {"level": 1, "reason": "站内"}, 201)
    solve = f"/work-orders/{order_id}/solve-by-phone"
    closed = await office.post(solve, "agent", {"answer": "开阀"})
    assert (closed["state"], closed["supervision_level"]) == ("CLOSED", 3)
    answer = f"/reply-duties/{told['id']}/answer"
    await office.post(answer, "chief1", {"reply": "已处理"}, 403)
    await office.post(answer, "manager", {"reply": "已答复 12345"})
    order = await office.order(order_id)
    assert (order["state"], order["supervision_level"]) == ("CLOSED", 1)


async def test_each_reason_for_a_hold_needs_its_proof_and_has_its_longest(office: Office) -> None:
    order_id = await office.sent("A2")
    for reason, proof, hours, expected in (
        ("customer_absent", "signature", 1, "hold-proof-missing"),
        ("quote_refused", "sms", 1, "hold-proof-missing"),
        ("quote_refused", "signature", 73, "hold-too-long"),
        ("other_owner", "transfer_note", 121, "hold-too-long"),
        ("weather_red", "warning", -1, "invalid-input"),
    ):
        answer = await office.hold(order_id, reason, proof, hours)
        assert answer.json()["type"] == TYPE_BASE + expected, reason
    await office.held(order_id, "quote_refused", "signature", 40)
    clock.advance(timedelta(hours=40))
    path = f"/work-orders/{order_id}/cancel"
    own = await office.post(path, "dispatcher1", {"reason": "不修了"}, 202)
    await office.sweep()
    await office.post(f"/approvals/{own['id']}/decide", "chief1", {"approved": False})
    await office.sweep()
    waiting = await office.client.get("/approvals", headers=office.as_("chief1"))
    (asked,) = waiting.json()["items"]
    assert (asked["action"], asked["requested_by"]) == ("cancel", None)
    await office.sweep()
    assert (await office.order(order_id))["state"] == "HOLD"
    await office.post(f"/approvals/{asked['id']}/decide", "chief1", {"approved": False})
    await office.sweep()
    assert (await office.order(order_id))["state"] == "NEW"
    longer = await office.hold(order_id, "quote_refused", "signature", 33)
    assert longer.json()["type"] == TYPE_BASE + "hold-too-long", "40 of 72 hours are used up"
    assert (await office.hold(order_id, "quote_refused", "signature", 31)).status_code == 202


async def test_another_owner_has_five_days_and_then_the_company_is_called_in(
    office: Office,
) -> None:
    order_id = await office.report()
    await office.held(order_id, "other_owner", "transfer_note", 120)
    clock.advance(timedelta(hours=120))
    await office.sweep()
    assert (await office.order(order_id))["state"] == "NEW"
    assert (2, "hold_over") in await office.causes(order_id)


async def test_the_chief_alone_stops_work_for_weather_and_silence_lets_the_company_decide(
    office: Office,
) -> None:
    order_id = await office.report()
    asked = (await office.hold(order_id, "weather_red", "warning", 5)).json()
    path = f"/approvals/{asked['id']}/decide"
    for who in ("dispatcher", "manager"):
        refused = await office.post(path, who, {"approved": True}, 403)
        assert refused["type"] == TYPE_BASE + "not-your-role", who
    clock.advance(15 * MINUTE)
    await office.sweep()
    told = (await office.client.get("/approvals", headers=office.as_("manager"))).json()
    assert told["items"][0]["escalated_at"] is not None
    await office.post(path, "dispatcher", {"approved": True}, 403)
    await office.post(path, "manager", {"approved": True})
    order = await office.order(order_id)
    assert order["state"] == "HOLD"
    clocks = {each["clock"]: each for each in order["clocks"]}
    assert clocks["K4"]["due_at"] is None
    assert clock.now() == NOW + 15 * MINUTE
    assert clocks["K4"]["net_s"] == 0, "it counts from the request"
