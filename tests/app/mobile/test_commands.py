"""POST /mobile/commands: each by itself, once, in order, and never lost in silence."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text, update
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.core.scope import Principal
from app.identity.errors import DeviceRevoked, Unauthenticated
from app.identity.models import LoginSession
from app.mobile import commands, repository
from app.mobile.inbox import receive
from app.mobile.models import PhoneCommand
from app.mobile.schemas import Received
from app.notifications.models import Notification
from app.organisation.models import Presence
from app.work_orders.models import Approval, WorkOrderEvent
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Chief, Phone
from tests.factories.world import World

PROBLEM = "urn:paigong:problem:"
EARLY = "0001-01-01T00:00:00Z"
AT_THE_DOOR = {"lon": 117.0201, "lat": 36.6501, "accuracy_m": 12.5}


async def events(database: Database, order_id: str) -> list[WorkOrderEvent]:
    async with database.transaction() as session:
        statement = (
            select(WorkOrderEvent)
            .where(WorkOrderEvent.order_id == UUID(order_id))
            .order_by(col(WorkOrderEvent.seq))
        )
        return list((await session.exec(statement)).all())


async def inbox(database: Database) -> list[PhoneCommand]:
    async with database.transaction() as session:
        statement = select(PhoneCommand).order_by(col(PhoneCommand.device_seq))
        return list((await session.exec(statement)).all())


WHOLE: dict[str, dict[str, Any]] = {
    "parts": {"name": "阀芯", "quantity": "1"},
    "readings": {"kind": "P", "value": 0.3},
    "permit": {"number": "W-1"},
    "manifest": {
        "file_id": str(uuid4()),
        "kind": "F",
        "media_type": "image/jpeg",
        "size_bytes": 1,
        "sha256": "0" * 64,
    },
}


def filled(said: dict[str, Any]) -> dict[str, Any]:
    """A completion that is right in all but what `said` names."""
    if "completion" not in said:
        return said
    completion: dict[str, Any] = {
        "outcome": "fixed",
        "cause_code": "equipment_age",
        "summary": "更换阀芯",
    }
    for name, given in said["completion"].items():
        one = WHOLE[name] | (given[0] if isinstance(given, list) else given)
        completion[name] = [one] if isinstance(given, list) else one
    return said | {"completion": completion}


def outcomes(body: dict[str, Any]) -> list[str]:
    return [answer["outcome"] for answer in body["answers"]]


class TestEffects:
    async def test_a_visit_up_to_restoration_in_one_batch(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        body = await leader.send(
            leader.command("accept", order_id),
            leader.command("contact", order_id, reached=True),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=AT_THE_DOOR),
            leader.command("start", order_id),
            leader.command(
                "restore",
                order_id,
                readings=[{"kind": "R", "value": 19.5, "unit": "°C", "room": "主卧"}],
            ),
        )
        assert outcomes(body) == ["applied"] * 6
        assert [answer["order"]["state"] for answer in body["answers"]] == [
            "ACCEPTED",
            "ACCEPTED",
            "ENROUTE",
            "ONSITE",
            "WORKING",
            "WORKING",
        ]
        done = {event.action: event for event in await events(database, order_id)}
        assert done["contacted"].payload["reached"] is True
        assert done["restored"].payload["readings"][0]["value"] == "19.5"
        assert (body["last_seq"], body["gaps"]) == (6, [])

    async def test_the_distance_at_arrival_is_recorded_and_does_not_block(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        far = {"lon": 117.03, "lat": 36.65, "accuracy_m": 20, "mock": True}
        body = await leader.send(
            leader.command("accept", order_id),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=far),
        )
        assert outcomes(body) == ["applied"] * 3
        payload = (await events(database, order_id))[-1].payload
        assert 880 <= payload["distance_m"] <= 910
        assert payload["geofence_m"] == 150
        assert payload["mock_place"] is True

    async def test_a_hold_waits_for_the_desk(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        await leader.do("accept", order_id)
        until = (clock.now() + timedelta(days=1)).isoformat()
        answer = await leader.do(
            "hold",
            order_id,
            hold_reason="waiting_parts",
            until=until,
            reason="缺 DN20 阀门",
            proof={"kind": "store_entry", "reference": "领料单 77"},
        )
        assert answer["outcome"] == "applied"
        assert answer["order"]["state"] == "ACCEPTED"
        async with database.transaction() as session:
            approval = await session.get(Approval, UUID(answer["result"]["approval_id"]))
        assert approval is not None
        assert approval.decided_at is None

    async def test_refuse_return_and_rebook_end_or_move_the_job(
        self, desk: Desk, leader: Phone
    ) -> None:
        refused = await desk.sent(premises="锦绣家园1-1-101")
        returned = await desk.sent(premises="锦绣家园1-1-102")
        rebooked = await desk.sent(premises="锦绣家园1-2-201")
        slot = {
            "starts_at": (clock.now() + timedelta(hours=6)).isoformat(),
            "ends_at": (clock.now() + timedelta(hours=8)).isoformat(),
        }
        body = await leader.send(
            leader.command("refuse", refused, reason="车辆故障"),
            leader.command("accept", returned),
            leader.command("return", returned, reason="不属本站"),
            leader.command("rebook", rebooked, appointment=slot, reason="客户要求"),
        )
        states = [answer["order"]["state"] for answer in body["answers"]]
        assert states == ["RETURNED", "ACCEPTED", "RETURNED", "SENT"]
        await leader.sync()
        assert list(leader.jobs) == [rebooked]
        assert leader.jobs[rebooked]["appointment"] is not None

    async def test_completion_answers_its_record(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent(fault_code="H02")
        await leader.send(
            leader.command("accept", order_id),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=AT_THE_DOOR),
            leader.command("start", order_id),
        )
        files = [("B", "image/jpeg"), ("F", "image/jpeg"), ("G", "image/png")]
        manifest = [
            {
                "file_id": str(uuid4()),
                "kind": kind,
                "media_type": media_type,
                "size_bytes": 1000 + number,
                "sha256": f"{number:064x}",
            }
            for number, (kind, media_type) in enumerate(files)
        ]
        completion = {
            "outcome": "fixed",
            "cause_code": "equipment_age",
            "summary": "已排气",
            "readings": [{"kind": "R", "value": 20, "unit": "°C", "room": "客厅"}],
            "manifest": manifest,
        }
        answer = await leader.do("complete", order_id, completion=completion)
        assert answer["outcome"] == "applied", answer
        assert answer["order"]["state"] == "DONE"
        assert UUID(answer["result"]["completion_id"])
        await leader.sync()
        missing = leader.jobs[order_id]["evidence"]["missing_files"]
        assert set(missing) == {each["file_id"] for each in manifest}

    @pytest.mark.parametrize(
        ("kind", "missing"),
        [
            ("refuse", "reason"),
            ("hold", "hold_reason"),
            ("rebook", "appointment"),
            ("complete", "completion"),
        ],
    )
    async def test_what_the_kind_needs_and_lacks_is_named(
        self, desk: Desk, leader: Phone, kind: str, missing: str
    ) -> None:
        answer = await leader.do(kind, await desk.sent())
        assert answer["outcome"] == "refused"
        assert answer["problem"]["type"] == PROBLEM + "command-incomplete"
        assert answer["problem"]["missing"] == [missing]

    async def test_a_named_order_is_acknowledged_and_the_technician_on_line(
        self, desk: Desk, leader: Phone, database: Database, world: World
    ) -> None:
        order_id = await desk.sent()
        clock.advance(timedelta(minutes=1))
        await leader.do("accept", order_id, place=AT_THE_DOOR)
        async with database.transaction() as session:
            rows = (await session.exec(select(Notification))).all()
            presence = await session.get_one(Presence, world.technicians["tech01"])
        acknowledged = {row.user_id for row in rows if row.acknowledged_at is not None}
        assert acknowledged == {world.users["tech01"]}
        assert presence.location_at == clock.now()


class TestReplay:
    async def test_the_same_command_again_gets_the_stored_answer_and_does_nothing(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        command = leader.command("accept", order_id)
        first = (await leader.send(command))["answers"][0]
        second = (await leader.send(command))["answers"][0]
        assert second == first | {"replayed": True}
        assert [e.action for e in await events(database, order_id)].count("accepted") == 1

    async def test_the_same_id_with_another_body_is_refused(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        command = leader.command("accept", order_id)
        await leader.send(command)
        other = command | {"kind": "depart"}
        answer = (await leader.send(other))["answers"][0]
        assert answer["problem"]["type"] == PROBLEM + "command-id-reused"
        assert answer["problem"]["status"] == 409
        assert (await desk.order(order_id))["state"] == "ACCEPTED"
        assert [row.kind for row in await inbox(database)] == ["accept"]

    async def test_another_persons_id_tells_nothing(
        self, desk: Desk, leader: Phone, helper: Phone
    ) -> None:
        command = leader.command("accept", await desk.sent())
        await leader.send(command)
        answer = (await helper.send(command))["answers"][0]
        assert answer["problem"]["type"] == PROBLEM + "command-id-reused"
        assert answer["order"] is None

    async def test_a_refusal_is_kept_although_it_would_succeed_later(
        self, desk: Desk, leader: Phone
    ) -> None:
        order_id = await desk.sent()
        early = leader.command("hold", order_id)
        refused = (await leader.send(early))["answers"][0]
        assert refused["outcome"] == "refused"
        assert refused["problem"]["type"] == PROBLEM + "command-incomplete"
        await leader.do("accept", order_id)
        again = (await leader.send(early))["answers"][0]
        assert again == refused | {"replayed": True}
        assert (await desk.order(order_id))["state"] == "ACCEPTED"

    async def test_two_posts_of_one_batch_at_once_do_it_once(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        batch = [
            leader.command("accept", order_id),
            leader.command("contact", order_id, reached=False),
            leader.command("depart", order_id),
        ]
        bodies = await asyncio.gather(leader.send(*batch), leader.send(*batch))
        assert [outcomes(body) for body in bodies] == [["applied"] * 3] * 2
        replays = [sum(answer["replayed"] for answer in body["answers"]) for body in bodies]
        assert sum(replays) == 3
        actions = [event.action for event in await events(database, order_id)]
        assert actions[-3:] == ["accepted", "contacted", "departed"]
        assert len(await inbox(database)) == 3

    async def test_who_waits_too_long_for_the_devices_row_is_told_to_come_again(
        self,
        desk: Desk,
        leader: Phone,
        database: Database,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(repository, "LOCK_WAIT_MS", 50)
        command = leader.command("accept", await desk.sent())
        async with database.transaction() as session:
            held = text("SELECT FROM devices WHERE id = :id FOR UPDATE")
            await session.execute(held, {"id": world.devices["tech01"]})
            busy = (await leader.send(command))["answers"][0]
            assert (busy["outcome"], busy["problem"]["type"]) == ("retry", f"{PROBLEM}busy")
            pull = await leader.client.get("/mobile/sync", headers=leader.headers)
            assert (pull.status_code, pull.headers["Retry-After"]) == (503, "2")
        assert outcomes(await leader.send(command)) == ["applied"]

    async def test_one_command_twice_in_a_batch_is_done_once(
        self, desk: Desk, leader: Phone
    ) -> None:
        command = leader.command("accept", await desk.sent())
        body = await leader.send(command, command)
        assert [answer["replayed"] for answer in body["answers"]] == [False, True]


class TestApart:
    async def test_a_refused_command_does_not_stop_the_others(
        self, desk: Desk, leader: Phone
    ) -> None:
        first, second = await desk.sent(), await desk.sent(premises="锦绣家园3-1-101")
        body = await leader.send(leader.command("refuse", first), leader.command("accept", second))
        assert outcomes(body) == ["refused", "applied"]

    async def test_they_are_worked_off_by_sequence_not_by_place_in_the_list(
        self, desk: Desk, leader: Phone
    ) -> None:
        order_id = await desk.sent()
        batch = [leader.command(kind, order_id) for kind in ("accept", "depart", "arrive")]
        body = await leader.send(*reversed(batch))
        assert [answer["device_seq"] for answer in body["answers"]] == [1, 2, 3]
        assert outcomes(body) == ["applied"] * 3

    async def test_an_unreadable_command_is_refused_alone_and_kept(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        bad = leader.command("accept", order_id, place={"lon": 0, "lat": 0})
        strange = leader.command("accept", order_id) | {"\x00na\ud800me": "\x00"}
        body = await leader.send(bad, strange, leader.command("accept", order_id))
        assert outcomes(body) == ["refused", "refused", "applied"]
        problems = [answer["problem"] for answer in body["answers"][:2]]
        assert {problem["type"] for problem in problems} == {PROBLEM + "invalid-input"}
        assert problems[0]["errors"][0]["at"] == ["place"]
        assert [row.kind for row in await inbox(database)] == ["unreadable"] * 2 + ["accept"]
        again = await leader.send(bad)
        assert again["answers"][0]["replayed"] is True

    @pytest.mark.parametrize(
        "batch",
        [
            [],
            [{"device_seq": 1, "kind": "accept"}],
            [{"id": "no uuid", "device_seq": 1}],
            [{"id": "01890000-0000-7000-8000-000000000000", "device_seq": 0}],
            [7],
            "commands",
        ],
    )
    async def test_without_id_and_sequence_the_batch_cannot_be_answered(
        self, client: httpx.AsyncClient, leader: Phone, batch: Any
    ) -> None:
        answer = await client.post(
            "/mobile/commands", json={"commands": batch}, headers=leader.headers
        )
        assert answer.status_code == 422
        assert answer.json()["type"] == PROBLEM + "invalid-input"

    async def test_more_than_a_hundred_are_too_many(
        self, client: httpx.AsyncClient, leader: Phone
    ) -> None:
        batch = [leader.command("accept", uuid4()) for _ in range(101)]
        answer = await client.post(
            "/mobile/commands", json={"commands": batch}, headers=leader.headers
        )
        assert answer.status_code == 422

    async def test_trouble_that_passes_stores_nothing_and_stops_the_rest(
        self,
        desk: Desk,
        leader: Phone,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def waits_too_long(doing: commands.Doing) -> None:
            await doing.session.execute(text("SET LOCAL statement_timeout = 1"))
            await doing.session.execute(text("SELECT pg_sleep(10)"))

        order_id = await desk.sent()
        batch = [leader.command("accept", order_id), leader.command("depart", order_id)]
        with monkeypatch.context() as patched:
            patched.setitem(commands.EFFECTS, "accept", waits_too_long)
            body = await leader.send(*batch)
        assert outcomes(body) == ["retry", "retry"]
        assert body["answers"][0]["problem"]["type"] == PROBLEM + "busy"
        assert body["answers"][1]["problem"]["type"] == PROBLEM + "command-not-tried"
        assert await inbox(database) == []
        assert outcomes(await leader.send(*batch)) == ["applied", "applied"]

    @pytest.mark.parametrize("sql", [None, "SELECT 1/0", "SELECT cast('x' AS uuid)"])
    async def test_what_would_break_again_is_refused_once_and_the_queue_goes_on(
        self,
        desk: Desk,
        leader: Phone,
        chief: Chief,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        sql: str | None,
    ) -> None:
        async def broken(doing: commands.Doing) -> None:
            if sql is not None:
                await doing.session.execute(text(sql))
            raise RuntimeError("disk on fire")

        order_id = await desk.sent()
        monkeypatch.setitem(commands.EFFECTS, "contact", broken)
        bad = leader.command("contact", order_id, reached=True)
        body = await leader.send(bad, leader.command("accept", order_id))
        assert outcomes(body) == ["refused", "applied"]
        problem = body["answers"][0]["problem"]
        assert problem["type"] == PROBLEM + "unexpected"
        assert problem["trace_id"]
        assert "disk" not in str(body) and "SELECT" not in str(body)
        first = (await inbox(database))[0]
        assert (first.outcome, first.body["kind"], first.body["reached"]) == (
            "refused",
            "contact",
            True,
        )
        flag = (await chief.flags())["command_broken"]
        assert (flag["command_id"], flag["data"]["trace_id"]) == (bad["id"], problem["trace_id"])
        again = await leader.send(bad)
        assert again["answers"][0] == body["answers"][0] | {"replayed": True}

    @pytest.mark.parametrize(
        "said",
        [
            {"client_at": "0001-01-01T00:00:00+14:00"},
            {"client_at": "9999-12-31T23:59:59-14:00"},
            {"kind": "hold", "until": EARLY},
            {"kind": "complete", "completion": {"parts": [{"unit": "a\0b"}]}},
            {"kind": "complete", "completion": {"readings": [{"unit": "\ud800"}]}},
            {"kind": "complete", "completion": {"permit": {"closed_at": EARLY}}},
            {
                "kind": "complete",
                "completion": {"manifest": [{"captured_at": EARLY}]},
            },
        ],
    )
    async def test_what_no_database_can_keep_is_refused_as_input(
        self, desk: Desk, leader: Phone, said: dict[str, Any]
    ) -> None:
        order_id = await desk.sent()
        bad = leader.command("accept", order_id) | filled(said)
        body = await leader.send(bad, leader.command("accept", order_id))
        assert outcomes(body) == ["refused", "applied"]
        problem = body["answers"][0]["problem"]
        assert problem["type"] == PROBLEM + "invalid-input"
        assert len(problem["errors"]) == 1, problem


class TestWhose:
    async def test_an_order_never_held_is_not_found(self, desk: Desk, other: Phone) -> None:
        answer = await other.do("accept", await desk.sent(crew="A1"))
        assert answer["outcome"] == "refused"
        assert answer["problem"]["type"] == PROBLEM + "not-found"
        assert answer["problem"]["status"] == 404

    async def test_an_order_reassigned_meanwhile_is_refused_to_the_old_crew(
        self, desk: Desk, leader: Phone, other: Phone
    ) -> None:
        order_id = await desk.sent(crew="A1")
        await leader.sync()
        await desk.assign(order_id, "A2")
        answer = await leader.do("accept", order_id)
        assert answer["problem"]["type"] == PROBLEM + "not-yours-any-more"
        assert (await other.do("accept", order_id))["outcome"] == "applied"

    async def test_two_members_at_once_one_accepts(
        self, desk: Desk, leader: Phone, helper: Phone
    ) -> None:
        order_id = await desk.sent()
        answers = await asyncio.gather(leader.do("accept", order_id), helper.do("accept", order_id))
        assert sorted(answer["outcome"] for answer in answers) == ["applied", "conflict"]

    async def test_a_sign_in_without_a_device_sends_no_commands(
        self, client: httpx.AsyncClient, leader: Phone, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            await session.execute(
                update(LoginSession)
                .where(col(LoginSession.user_id) == world.users["tech01"])
                .values(device_id=None)
            )
        batch = {"commands": [leader.command("accept", uuid4())]}
        answer = await client.post("/mobile/commands", json=batch, headers=leader.headers)
        assert answer.status_code == 409
        assert answer.json()["type"] == PROBLEM + "no-device"

    async def test_an_agent_sends_no_commands(
        self, client: httpx.AsyncClient, leader: Phone, as_: Headers
    ) -> None:
        batch = {"commands": [leader.command("accept", uuid4())]}
        answer = await client.post("/mobile/commands", json=batch, headers=as_("agent"))
        assert answer.status_code == 403


class TestSequence:
    async def test_no_command_overtakes_an_earlier_one(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        kinds = ("accept", "depart", "contact", "return")
        first, second, third, fourth = (leader.command(kind, order_id) for kind in kinds)
        body = await leader.send(second, fourth)
        assert outcomes(body) == ["retry", "retry"]
        assert {answer["expected_seq"] for answer in body["answers"]} == {1}
        problem = body["answers"][0]["problem"]
        assert problem["type"] == PROBLEM + "earlier-commands-missing"
        assert (body["last_seq"], body["gaps"]) == (
            0,
            [{"first": 1, "last": 1}, {"first": 3, "last": 3}],
        )
        assert await inbox(database) == []
        body = await leader.send(first, second)
        assert (outcomes(body), body["last_seq"], body["gaps"]) == (["applied"] * 2, 2, [])
        assert outcomes(await leader.send(fourth)) == ["retry"]
        assert third["device_seq"] == 3

    async def test_numbers_that_the_phone_lost_are_written_off_and_told_to_the_chief(
        self, desk: Desk, leader: Phone, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order_id = await desk.sent()
        leader.seq = 2
        after = leader.command("accept", order_id)
        answer = await client.post(
            "/mobile/commands",
            json={"commands": [after], "lost": [1, 2, 9]},
            headers=leader.headers,
        )
        body = answer.json()
        assert (outcomes(body), body["last_seq"], body["gaps"]) == (["applied"], 3, [])
        flags = (await client.get("/phone-flags?seen=false", headers=as_("chief1"))).json()
        lost = [each for each in flags["items"] if each["kind"] == "commands_lost"]
        assert sorted(each["data"]["device_seq"] for each in lost) == [1, 2]
        assert lost[0]["user_name"] == "Tech01"

    async def test_a_count_that_began_again_is_worked_off_and_flagged(
        self, desk: Desk, leader: Phone, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order_id = await desk.sent()
        await leader.do("accept", order_id)
        leader.seq = 0
        body = await leader.send(leader.command("depart", order_id))
        assert (outcomes(body), body["last_seq"]) == (["applied"], 1)
        flags = (await client.get("/phone-flags", headers=as_("chief1"))).json()
        assert "sequence_reused" in [each["kind"] for each in flags["items"]]
        assert (await leader.sync())["device"]["last_seq"] == 1

    async def test_a_device_that_came_back_to_its_owner_is_never_stuck(
        self, leader: Phone, database: Database, world: World
    ) -> None:
        first, second = (leader.command("accept", uuid4()) for _ in range(2))
        await leader.send(first, second)
        # Another person signed in on it, sent one command, and the owner signed in again.
        async with database.transaction() as session:
            former = {"former": world.users["tech02"], "id": second["id"]}
            sql = "UPDATE phone_commands SET user_id = :former WHERE id = :id"
            await session.execute(text(sql), former)
            await session.execute(text("UPDATE devices SET last_command_seq = 0"))
        third = leader.command("accept", uuid4())
        body = await leader.send(third)
        assert body["answers"][0]["expected_seq"] == 1
        assert (body["last_seq"], body["gaps"]) == (0, [{"first": 1, "last": 2}])
        body = await leader.send(first, second, third)
        assert (outcomes(body), body["last_seq"]) == (["refused"] * 3, 3)
        told = [each["problem"]["type"].removeprefix(PROBLEM) for each in body["answers"]]
        assert told == ["not-found", "command-id-reused", "not-found"]
        assert [each["replayed"] for each in body["answers"]] == [True, False, False]

    async def test_a_phone_reported_lost_or_taken_over_writes_nothing_more(
        self, leader: Phone, database: Database, world: World
    ) -> None:
        device_id, asked = world.devices["tech01"], leader.command("accept", uuid4())
        principal = Principal(id=world.users["tech01"], name="Tech01", device_id=device_id)
        received = [Received(asked)]
        for change, refusal in (
            ("user_id = :other", Unauthenticated),
            ("revoked_at = now()", DeviceRevoked),
        ):
            async with database.transaction() as session:
                values = {"other": world.users["tech02"], "id": device_id}
                await session.execute(text(f"UPDATE devices SET {change} WHERE id = :id"), values)
            with pytest.raises(refusal):
                await receive(database, principal, "en", received)
        assert await inbox(database) == []


class TestTime:
    async def test_the_event_keeps_both_times(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        clock.advance(timedelta(minutes=30))
        ahead = timedelta(minutes=10)
        acted = clock.now() - timedelta(minutes=20) + ahead
        command = leader.command("accept", order_id, client_at=acted.isoformat())
        await leader.send(command, device_time=clock.now() + ahead)
        event = (await events(database, order_id))[-1]
        assert event.client_at == acted
        assert event.at == clock.now() - timedelta(minutes=20)
        assert event.server_at == clock.now()
        assert event.payload["doubts"] == ["clock_off"]

    async def test_an_act_cannot_be_older_than_the_dispatch(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        long_ago = (clock.now() - timedelta(days=3)).isoformat()
        await leader.do("accept", order_id, client_at=long_ago)
        accepted = (await events(database, order_id))[-1]
        assert accepted.at == clock.now()
        assert accepted.payload["doubts"] == ["time_clamped", "back_dated", "instant_accept"]

    async def test_an_accept_slower_than_a_script_is_not_doubted(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        clock.advance(timedelta(seconds=3))
        await leader.do("accept", order_id)
        assert "doubts" not in (await events(database, order_id))[-1].payload
