"""POST /mobile/commands: once and for all, each by itself, never lost in silence."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.mobile import commands, repository
from tests.app.mobile.said import (
    EARLY,
    PROBLEM,
    events,
    filled,
    inbox,
    outcomes,
)
from tests.factories.desk import Desk
from tests.factories.phone import Chief, Phone
from tests.factories.world import World

WAITING = """
SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                WHERE a.datname = current_database() AND NOT l.granted)
"""
DEVICE = "SELECT FROM devices WHERE id = :device FOR NO KEY UPDATE"
ALARMS = "SELECT FROM alarms FOR UPDATE"
MESSAGES = "SELECT FROM notifications WHERE user_id = :user FOR UPDATE NOWAIT"
PRESENCE = "SELECT FROM presence WHERE technician_id = :technician FOR UPDATE NOWAIT"
ACKNOWLEDGED = """
SELECT count(*) FROM notifications WHERE user_id = :user AND acknowledged_at IS NOT NULL
"""


async def waits(database: Database) -> bool:
    """Whether a transaction of this database waits for another one's lock."""
    async with database.transaction() as session:
        return bool((await session.execute(text(WAITING))).scalar_one())


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

    @pytest.mark.parametrize("held", [DEVICE, ALARMS])
    async def test_a_pull_that_waits_for_a_command_holds_nothing_that_the_command_needs(
        self, desk: Desk, leader: Phone, database: Database, world: World, held: str
    ) -> None:
        order_id = await desk.sent()
        # The news, which the next pull shows to have arrived.
        await leader.sync_until(lambda body: any(job["id"] == order_id for job in body["jobs"]))
        tech01 = {
            "device": world.devices["tech01"],
            "user": world.users["tech01"],
            "technician": world.technicians["tech01"],
        }
        async with database.transaction() as session:
            await session.execute(text(held), tech01)
            pull = asyncio.create_task(leader.sync())
            while not await waits(database):
                await asyncio.sleep(0.01)
                assert not pull.done()
            for needed in (MESSAGES, PRESENCE):
                assert (await session.execute(text(needed), tech01)).all()
        await pull
        async with database.transaction() as session:
            assert (await session.execute(text(ACKNOWLEDGED), tech01)).scalar_one() == 1

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

    async def test_an_unreadable_command_is_refused_alone_kept_and_told_to_the_chief(
        self, desk: Desk, leader: Phone, chief: Chief, database: Database
    ) -> None:
        order_id = await desk.sent()
        bad = leader.command("accept", order_id, place={"lon": 0, "lat": 0})
        strange = leader.command("accept", order_id) | {"\x00na\ud800me": "\x00"}
        body = await leader.send(bad, strange, leader.command("accept", order_id))
        assert outcomes(body) == ["refused", "refused", "applied"]
        problems = [answer["problem"] for answer in body["answers"][:2]]
        assert {problem["type"] for problem in problems} == {PROBLEM + "invalid-input"}
        assert problems[0]["errors"][0]["at"] == ["place"]
        rows = await inbox(database)
        assert [row.kind for row in rows] == ["unreadable"] * 2 + ["accept"]
        assert [json.loads(row.body["said"]) for row in rows[:2]] == [bad, strange]
        again = await leader.send(bad)
        assert again["answers"][0]["replayed"] is True
        told = {
            each["command_id"]: each["order_id"]
            for each in await chief.reads("/phone-flags")
            if each["kind"] == "command_unreadable"
        }
        assert told == {bad["id"]: order_id, strange["id"]: order_id}

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
            {"kind": "hold", "until": EARLY},
            {"kind": "complete", "completion": {"parts": [{"unit": "a\0b"}]}},
            {"kind": "complete", "completion": {"readings": [{"unit": "\ud800"}]}},
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
