"""POST /mobile/commands: whose they are, in which order, and when they happened."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text, update
from sqlmodel import col

from app.core import clock
from app.core.db import Database
from app.core.scope import Principal
from app.identity.errors import DeviceRevoked, Unauthenticated
from app.identity.models import LoginSession
from app.mobile.inbox import receive
from app.mobile.schemas import Received
from tests.app.mobile.said import (
    PROBLEM,
    events,
    inbox,
    outcomes,
)
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Chief, Phone
from tests.factories.world import World


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
        self, leader: Phone, chief: Chief, database: Database, world: World
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
        # Nor is the chief told of numbers under which commands had come before.
        async with database.transaction() as session:
            await session.execute(text("UPDATE devices SET last_command_seq = 0"))
        body = await leader.send(leader.command("accept", uuid4()), lost=[1, 2, 3])
        assert body["last_seq"] == 4
        flags = await chief.reads("/phone-flags")
        told = [each["data"]["device_seq"] for each in flags if each["kind"] == "commands_lost"]
        assert told == [2], "the number of which only another person's command came"

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
