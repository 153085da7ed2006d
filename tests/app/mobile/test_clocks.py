"""Two clocks: what the phone showed is kept, service levels run by ours, doubts are told."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import httpx
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.mobile.models import ClockSample
from app.work_orders.models import OrderClock, WorkOrderEvent
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import AT_THE_DOOR, Chief, Phone
from tests.factories.world import World

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def events(database: Database, order_id: str) -> dict[str, WorkOrderEvent]:
    async with database.transaction() as session:
        query = select(WorkOrderEvent).where(WorkOrderEvent.order_id == UUID(order_id))
        return {each.action: each for each in (await session.exec(query)).all()}


class TestFastPhone:
    async def test_three_hours_ahead_it_serves_by_the_true_time(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database
    ) -> None:
        order_id = await desk.sent()
        ahead = 3 * HOUR
        await leader.sync(device_time=clock.now() + ahead)
        clock.advance(2 * MINUTE)
        accepted_at = clock.now()
        accept = leader.command("accept", order_id, client_at=(accepted_at + ahead).isoformat())
        clock.advance(20 * MINUTE)
        body = await leader.send(accept, device_time=clock.now() + ahead)
        assert body["answers"][0]["outcome"] == "applied"
        event = (await events(database, order_id))["accepted"]
        assert (event.at, event.client_at) == (accepted_at, accepted_at + ahead)
        assert event.server_at == accepted_at + 20 * MINUTE
        assert event.payload["doubts"] == ["clock_off"]
        async with database.transaction() as session:
            query = select(OrderClock).where(
                OrderClock.order_id == UUID(order_id), OrderClock.clock == "K2"
            )
            assert (await session.exec(query)).one().stopped_at == accepted_at
            samples = (await session.exec(select(ClockSample))).all()
        assert {sample.skew_ms for sample in samples} == {3 * 3_600_000}
        flags = await chief.reads("/phone-flags")
        assert [(each["kind"], each["data"]) for each in flags] == [
            ("clock_off", {"skew_s": 10_800})
        ]


class TestZone:
    async def test_a_changed_zone_moves_nothing_and_a_set_clock_moves_only_what_it_showed(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database, client: httpx.AsyncClient
    ) -> None:
        order_id = await desk.sent()
        boot = "boot-1"

        async def syncs(offset_h: int, wrong: timedelta, uptime_ms: int) -> None:
            shown = (clock.now() + wrong).astimezone(timezone(timedelta(hours=offset_h)))
            headers = {"Device-Time": shown.isoformat(), "Device-Uptime": f"{boot};{uptime_ms}"}
            answer = await client.get("/mobile/sync", headers=leader.headers | headers)
            assert answer.status_code == 200, answer.text

        def told(kind: str, client_at: datetime, uptime_ms: int) -> dict[str, Any]:
            steady = {"boot_id": boot, "uptime_ms": uptime_ms}
            return leader.command(kind, order_id, client_at=client_at.isoformat(), steady=steady)

        await syncs(8, timedelta(0), 0)
        clock.advance(10 * MINUTE)
        await syncs(6, timedelta(0), 600_000)
        flags = await chief.flags()
        assert set(flags) == {"zone_changed"}
        assert flags["zone_changed"]["data"] == {"from_offset_min": 480, "to_offset_min": 360}

        accepted_at = clock.now()
        accept = told("accept", accepted_at, 600_000)
        clock.advance(5 * MINUTE)
        departed_at = clock.now()
        depart = told("depart", departed_at + 2 * HOUR, 900_000)
        clock.advance(5 * MINUTE)
        await syncs(6, 2 * HOUR, 1_200_000)
        await leader.send(accept, depart)
        done = await events(database, order_id)
        assert (done["accepted"].at, done["departed"].at) == (accepted_at, departed_at)
        assert "doubts" not in done["accepted"].payload | done["departed"].payload
        flags = await chief.flags()
        assert set(flags) == {"zone_changed", "clock_jump", "clock_off"}
        assert flags["clock_jump"]["data"]["moved_s"] == 7_200


class TestBackDated:
    async def test_an_arrival_told_late_by_a_phone_in_touch_is_flagged_and_counts(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database, world: World
    ) -> None:
        order_id = await desk.sent()
        await leader.do("accept", order_id)
        await leader.do("depart", order_id)
        clock.advance(5 * MINUTE)
        for _ in range(6):
            await leader.sync(device_time=clock.now())
            clock.advance(10 * MINUTE)
        claimed = clock.now() - 50 * MINUTE
        arrive = leader.command(
            "arrive", order_id, client_at=claimed.isoformat(), place=AT_THE_DOOR
        )
        assert (await leader.send(arrive))["answers"][0]["outcome"] == "applied"
        event = (await events(database, order_id))["arrived"]
        assert (event.at, event.payload["doubts"]) == (claimed, ["back_dated"])
        flag = (await chief.flags())["back_dated"]
        assert flag["order_id"] == order_id
        assert datetime.fromisoformat(flag["data"]["corrected_at"]) == claimed
        seen = await chief.client.post(
            f"/phone-flags/{flag['id']}/seen",
            json={"note": "现场无信号"},
            headers=chief.as_("chief1"),
        )
        assert seen.json()["seen_by"] == str(world.users["chief1"])
        assert "back_dated" not in [
            each["kind"] for each in await chief.reads("/phone-flags", seen="false")
        ]

    async def test_acts_of_a_phone_that_was_off_line_and_of_the_future(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database
    ) -> None:
        order_id = await desk.sent()
        await leader.sync(device_time=clock.now())
        clock.advance(5 * MINUTE)
        accepted_at = clock.now()
        accept = leader.command("accept", order_id)
        clock.advance(3 * HOUR)
        ahead = (clock.now() + 5 * MINUTE).isoformat()
        await leader.send(
            accept,
            leader.command("depart", order_id, client_at=ahead),
            device_time=clock.now(),
        )
        done = await events(database, order_id)
        assert done["accepted"].at == accepted_at
        assert "doubts" not in done["accepted"].payload
        assert done["departed"].at == clock.now()
        assert done["departed"].payload["doubts"] == ["time_clamped", "future_time"]
        assert set(await chief.flags()) == {"future_time"}


class TestFlatBattery:
    async def test_a_clock_of_1970_or_of_no_time_loses_nothing_and_is_told(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database, client: httpx.AsyncClient
    ) -> None:
        order_id = await desk.sent()
        behind = clock.now() - datetime(1970, 1, 1, tzinfo=UTC)
        headers = {"Device-Time": (clock.now() - behind).isoformat(), "Device-Uptime": "?"}
        first = await client.get("/mobile/sync", headers=leader.headers | headers)
        assert first.status_code == 200, first.text
        assert (await chief.flags())["clock_off"]["data"]["skew_s"] == -behind.total_seconds()
        clock.advance(2 * MINUTE)
        accepted_at = clock.now()
        shown_at = accepted_at - behind
        accept = leader.command("accept", order_id, client_at=shown_at.isoformat())
        clock.advance(20 * MINUTE)
        body = await leader.send(accept, device_time=clock.now() - behind)
        assert body["answers"][0]["outcome"] == "applied"
        event = (await events(database, order_id))["accepted"]
        assert (event.at, event.client_at) == (accepted_at, shown_at)
        clock.advance(24 * HOUR)
        held: dict[str, Any] = {"orders": [], "commands": [], "files": []}
        for said in ("no time", "+010000-01-01T00:00:00.000Z", "0001-01-01T00:00:00+14:00"):
            strange = {"Device-Time": said}
            answer = await client.post(
                "/mobile/reconcile", json=held, headers=leader.headers | strange
            )
            assert answer.status_code == 200, answer.text
        flags = [each for each in await chief.reads("/phone-flags") if each["kind"] == "clock_off"]
        assert {"shown": "no time"} in [each["data"] for each in flags]

    async def test_an_act_of_no_possible_year_counts_by_ours_and_is_told(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database
    ) -> None:
        order_id, said = await desk.sent(), "-000001-01-01T00:00:00.000Z"
        late = leader.command("depart", order_id, client_at="9999-12-31T23:59:59-14:00")
        accept = leader.command("accept", order_id, client_at=said)
        accept["device_seq"], late["device_seq"] = 1, 2
        body = await leader.send(accept, late)
        assert [each["outcome"] for each in body["answers"]] == ["applied"] * 2, body
        done = await events(database, order_id)
        assert done["accepted"].at <= done["departed"].at == clock.now()
        assert done["accepted"].client_at == datetime(1900, 1, 1, tzinfo=UTC)
        flags = await chief.flags()
        assert flags["clock_off"]["data"] == {"client_at": said}
        assert {"back_dated", "future_time"} <= set(flags)


class TestRules:
    async def test_the_figures_are_the_companys_and_phones_hear_of_them(
        self, client: httpx.AsyncClient, leader: Phone, as_: Headers, database: Database
    ) -> None:
        first = await leader.sync()
        assert first["rules"]["geofence_m"] == {"urban": 150, "rural": 500, "remote": 500}
        path = "/phone-rules/geofence_urban_m"
        change = {"value": 90, "reason": "楼距较小"}
        answer = await client.put(path, json=change, headers=as_("manager"))
        assert answer.json()["value"] == 90
        assert (await leader.sync())["rules"]["geofence_m"]["urban"] == 90
        for body, status in (({"value": 5, "reason": "x"}, 422), (change, 403)):
            who = as_("manager" if status == 422 else "chief1")
            assert (await client.put(path, json=body, headers=who)).status_code == status
        unknown = await client.put("/phone-rules/x", json=change, headers=as_("manager"))
        assert unknown.status_code == 404
        async with database.transaction() as session:
            assert (await session.exec(select(col(ClockSample.id)))).all() == []
