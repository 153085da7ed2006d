"""Taking a report: over HTTP, with duplicates, places and serial numbers."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Headers
from tests.factories.world import World


def report(world: World, **changes: Any) -> dict[str, Any]:
    """An ordinary call: a cold flat."""
    return {
        "caller": {"name": "王女士", "phone": "13900000001"},
        "premises_id": str(world.premises["锦绣家园1-1-101"]),
        "fault_code": "H01",
        "description": "全屋不热",
    } | changes


def elsewhere(**place: Any) -> dict[str, Any]:
    return {"premises_id": None, "address": "经十路 1 号", "place": place}


class TestCreate:
    """POST /work-orders"""

    async def test_makes_a_new_order_with_serial_station_and_running_clocks(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        answer = await client.post("/work-orders", json=report(world), headers=as_("agent"))
        assert answer.status_code == 201, answer.text
        order = answer.json()
        assert order["state"] == "NEW"
        assert order["serial"] == "S01-260115-0001"
        assert order["station_id"] == str(world.stations["S01"])
        assert order["flags"] == ["vulnerable"]
        assert order["due_at"] is not None
        detail = (await client.get(f"/work-orders/{order['id']}", headers=as_("agent"))).json()
        assert {clock["clock"] for clock in detail["clocks"]} >= {"K1", "K4", "K6"}

    async def test_the_same_key_and_body_replays_the_answer_and_makes_one_order(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        headers = as_("agent")
        first = await client.post("/work-orders", json=report(world), headers=headers)
        second = await client.post("/work-orders", json=report(world), headers=headers)
        assert second.status_code == 201
        assert second.json() == first.json()
        assert second.headers["Idempotent-Replay"] == "true"

    async def test_the_same_key_with_another_body_is_refused(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        headers = as_("agent")
        await client.post("/work-orders", json=report(world), headers=headers)
        other = report(world, description="改口了")
        answer = await client.post("/work-orders", json=other, headers=headers)
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:idempotency-key-reused"

    async def test_without_a_key_it_is_refused(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        headers = as_("agent")
        del headers["Idempotency-Key"]
        answer = await client.post("/work-orders", json=report(world), headers=headers)
        assert answer.status_code == 400
        assert answer.json()["type"] == "urn:paigong:problem:idempotency-key-missing"

    async def test_an_open_order_for_the_same_trouble_is_offered_for_urging(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        first = (await client.post("/work-orders", json=report(world), headers=as_("agent"))).json()
        again = await client.post(
            "/work-orders", json=report(world, fault_code="H03"), headers=as_("agent")
        )
        assert again.status_code == 409
        problem = again.json()
        assert problem["order"]["id"] == first["id"]
        urged = await client.post(
            problem["urge"].removeprefix("/api/v1"),
            json={"reason": "客户再次来电"},
            headers=as_("agent"),
        )
        assert urged.json()["urges"] == 1

    async def test_force_new_with_a_reason_makes_a_second_order(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        await client.post("/work-orders", json=report(world), headers=as_("agent"))
        forced = report(world, force_new=True, force_new_reason="另一房间")
        answer = await client.post("/work-orders", json=forced, headers=as_("agent"))
        assert answer.status_code == 201
        assert answer.json()["serial"] == "S01-260115-0002"

    async def test_two_calls_at_once_about_the_same_trouble_make_one_order(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        answers = await asyncio.gather(
            *(
                client.post("/work-orders", json=report(world), headers=as_("agent"))
                for _ in range(4)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]

    async def test_a_refusal_leaves_no_gap_in_the_serial_numbers(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        await client.post(
            "/work-orders", json=report(world, fault_code="Z99"), headers=as_("agent")
        )
        answer = await client.post("/work-orders", json=report(world), headers=as_("agent"))
        assert answer.json()["serial"] == "S01-260115-0001"

    async def test_a_place_without_premises_finds_its_station(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        body = report(world, **elsewhere(lon=117.15, lat=36.65))
        answer = await client.post("/work-orders", json=body, headers=as_("agent"))
        assert answer.status_code == 201, answer.text
        assert answer.json()["station_id"] == str(world.stations["S02"])

    async def test_an_agent_of_one_station_cannot_report_at_another(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        answer = await client.post("/work-orders", json=report(world), headers=as_("agent2"))
        assert answer.status_code == 404


class TestBadInput:
    """POST /work-orders with what cannot be meant: a problem that says what to do, nothing kept."""

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"surprise": 1}, "invalid-input"),
            ({"caller": {"name": "", "phone": "13900000001"}}, "invalid-input"),
            ({"caller": {"name": "x", "phone": "call me"}}, "invalid-input"),
            ({"description": "a\u0000b"}, "invalid-input"),
            ({"description": "\ud800"}, "invalid-input"),
            ({"fault_code": "Z99"}, "unknown-fault-code"),
            ({"premises_id": None}, "invalid-input"),
            (elsewhere(lon=0, lat=0), "invalid-input"),
            (elsewhere(lon=36.65, lat=117.0), "invalid-input"),
            (elsewhere(lon=36.65, lat=77.05), "place-outside-area"),
            (elsewhere(lon=116.0, lat=36.65), "place-outside-area"),
            (elsewhere(lon="NaN", lat=36.65), "invalid-input"),
            (
                {
                    "appointment": {
                        "starts_at": "2026-01-16T09:00:00",
                        "ends_at": "2026-01-16T11:00:00",
                    }
                },
                "invalid-input",
            ),
            (
                {
                    "appointment": {
                        "starts_at": "2026-01-10T09:00:00+08:00",
                        "ends_at": "2026-01-10T11:00:00+08:00",
                    }
                },
                "appointment-invalid",
            ),
            ({"force_new": True}, "invalid-input"),
        ],
    )
    async def test_is_refused_with_its_type_and_writes_nothing(
        self,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
        changes: dict[str, Any],
        problem: str,
    ) -> None:
        import json

        body = json.dumps(report(world, **changes))
        headers = as_("agent") | {"Content-Type": "application/json"}
        answer = await client.post("/work-orders", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:paigong:problem:{problem}"
        assert answer.json()["action"]
        listed = await client.get("/work-orders", headers=as_("agent"))
        assert listed.json()["items"] == []

    async def test_ten_megabytes_are_refused(self, client: httpx.AsyncClient, as_: Headers) -> None:
        body = b'{"description": "' + b"x" * 10_000_000 + b'"}'
        answer = await client.post("/work-orders", content=body, headers=as_("agent"))
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:paigong:problem:body-too-large"

    async def test_problems_speak_the_readers_language(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        chinese = await client.post("/work-orders", json={}, headers=as_("agent"))
        english = await client.post(
            "/work-orders", json={}, headers=as_("agent") | {"Accept-Language": "en"}
        )
        assert chinese.json()["title"] == "输入有误"
        assert english.json()["title"] == "The input is not valid"


class TestAmend:
    """PATCH /work-orders/{id}"""

    async def test_corrects_the_contact_on_the_version_that_was_read(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        order = (await client.post("/work-orders", json=report(world), headers=as_("agent"))).json()
        path = f"/work-orders/{order['id']}"
        change = {"version": order["version"], "caller_phone": "13911112222"}
        amended = await client.patch(path, json=change, headers=as_("agent"))
        assert amended.json()["caller_phone"] == "13911112222"
        stale = await client.patch(path, json=change, headers=as_("agent"))
        assert stale.status_code == 409
        assert stale.json()["type"] == "urn:paigong:problem:stale-version"


class TestList:
    """GET /work-orders"""

    async def test_pages_through_all_newest_first_and_each_once(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        for premises in world.premises.values():
            await client.post(
                "/work-orders",
                json=report(world, premises_id=str(premises)),
                headers=as_("agent"),
            )
        seen: list[str] = []
        cursor: str | None = None
        for _ in range(10):
            query = {"limit": 4} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/work-orders", params=query, headers=as_("agent"))).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == len(world.premises)
        assert seen == sorted(seen, reverse=True)

    async def test_a_station_sees_itself_and_a_foreign_order_answers_404(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        order = (await client.post("/work-orders", json=report(world), headers=as_("agent"))).json()
        own = await client.get("/work-orders", headers=as_("dispatcher1"))
        foreign = await client.get("/work-orders", headers=as_("dispatcher2"))
        assert [item["id"] for item in own.json()["items"]] == [order["id"]]
        assert foreign.json()["items"] == []
        at_s01 = {"station_id": str(world.stations["S01"])}
        for reader, expected in (("dispatcher1", 200), ("tech03", 200), ("dispatcher2", 404)):
            listed = await client.get("/work-orders", params=at_s01, headers=as_(reader))
            assert listed.status_code == expected
        unknown = {"station_id": str(uuid4())}
        nowhere = await client.get("/work-orders", params=unknown, headers=as_("agent"))
        assert nowhere.status_code == 404
        for path in (f"/work-orders/{order['id']}", f"/work-orders/{order['id']}/timeline"):
            assert (await client.get(path, headers=as_("dispatcher2"))).status_code == 404
