"""The stream: what is committed is told, once, in order, and to nobody who may not hear it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core import feed
from app.core.db import Database
from app.core.feed import Cursor
from app.core.ids import new_id
from app.core.scope import Principal
from app.identity.errors import Unauthenticated
from app.identity.service import principal_of_user
from app.stream import clients as queues
from app.stream import reading
from app.stream.clients import Client, Clients, Word
from app.stream.events import FeedRow
from app.stream.hub import Hub
from tests.app.stream.listening import Reader
from tests.factories.world import World

EPOCH = uuid4()


def row(number: int, *, before: Iterable[str] = (), after: Iterable[str] = ()) -> FeedRow:
    place = Cursor(EPOCH, 5, number)
    return FeedRow(place, "work_order", new_id(), frozenset(before), frozenset(after))


@pytest.fixture
async def hub(app: FastAPI, database: Database) -> AsyncIterator[Hub]:
    made = Hub(database)
    await made.start()
    yield made
    await made.close()


async def append(database: Database, entity_id: UUID, **audience: list[str]) -> None:
    async with database.transaction() as session:
        await feed.append(session, "work_order", entity_id, **audience)


class TestClients:
    def test_who_has_it_hears_the_change_and_who_lost_it_hears_the_loss(self) -> None:
        start = Cursor(EPOCH, 1, 0)
        all_of_them = Clients()
        winner, loser, stranger, company = (
            Client(frozenset({"crew:new"}), start),
            Client(frozenset({"crew:old"}), start),
            Client(frozenset({"crew:other"}), start),
            Client(None, start),
        )
        for each in (winner, loser, stranger, company):
            all_of_them.add(each)
        all_of_them.spread(row(1, before=["crew:old"], after=["crew:new"]))
        told = [asyncio.run(each.take(0.01)) for each in (winner, loser, stranger, company)]
        assert [len(each) for each in told] == [1, 1, 0, 1]
        assert b'"gone":false' in told[0][0]  # type: ignore[operator]
        assert b'"gone":true' in told[1][0]  # type: ignore[operator]
        assert told[3] == told[0]

    async def test_what_it_has_heard_already_is_not_offered_again(self) -> None:
        client = Client(None, Cursor(EPOCH, 5, 2))
        for number in (1, 2, 3):
            client.offer(Cursor(EPOCH, 5, number), str(number).encode())
        assert await client.take(0.01) == [b"3"]

    async def test_a_slow_reader_is_dropped_and_hears_why(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queues, "MOST_WAITING", 3)
        client = Client(None, Cursor(EPOCH, 1, 0))
        for number in range(5):
            client.offer(Cursor(EPOCH, 5, number), b"x")
        assert await client.take(0.01) == [Word.TOO_SLOW]
        assert await client.take(0.01) == []

    def test_nothing_stays_behind_when_all_have_left(self) -> None:
        all_of_them = Clients()
        client = Client(frozenset({"a", "b"}), Cursor(EPOCH, 1, 0))
        all_of_them.add(client)
        all_of_them.remove(client)
        assert (all_of_them.count, all_of_them.all()) == (0, set())


class TestAudience:
    async def test_it_is_what_the_feed_tells_each_role(
        self, database: Database, world: World
    ) -> None:
        async def audience(name: str) -> frozenset[str] | None:
            async with database.transaction() as session:
                principal = await principal_of_user(session, world.users[name])
            return reading.audience_of(principal)

        assert await audience("dispatcher") is None
        assert await audience("tech03") == {
            feed.crew_token(world.crews["A2"]),
            feed.user_token(world.users["tech03"]),
        }
        chief = await audience("chief1")
        assert chief is not None
        assert feed.station_token(world.stations["S01"]) in chief
        assert feed.station_token(world.stations["S02"]) not in chief


class TestHub:
    async def test_live_changes_resume_and_restore(
        self, hub: Hub, database: Database, world: World
    ) -> None:
        """One prepared database; each part depends on the one before."""
        technician = Principal(id=new_id(), name="t", crew_ids=frozenset({world.crews["A2"]}))
        mine, other = feed.crew_token(world.crews["A2"]), feed.crew_token(world.crews["A3"])
        ids = [new_id() for _ in range(6)]

        reader = Reader(hub, technician)
        await reader.until(1)
        await append(database, ids[0], after=[mine])
        await append(database, ids[1], after=[other])
        await append(database, ids[2], before=[mine], after=[other])
        heard = (await reader.until(3))[1:]
        assert [each.name for each in heard] == ["change", "change"]
        assert str(ids[0]) in heard[0].data and '"gone":false' in heard[0].data
        assert str(ids[2]) in heard[1].data and '"gone":true' in heard[1].data
        await reader.close()
        assert hub.clients.count == 0

        # While it was away; then it resumes by the last id that it heard, exactly.
        for each in ids[3:5]:
            await append(database, each, after=[mine])
        again = Reader(hub, technician, heard[1].id)
        await again.until(1)
        await append(database, ids[5], after=[mine])
        told = [json.loads(each.data) for each in await again.until(4) if each.name == "change"]
        assert [each["entity_id"] for each in told] == [str(each) for each in ids[3:]]
        await again.close()

        # It joined or left a crew while it was away: what it holds is another crew's.
        person = feed.user_token(technician.id)
        for audience in ({"before": [mine, person], "after": [mine]}, {"after": [mine, person]}):
            async with database.transaction() as session:
                await feed.append(session, "crew", world.crews["A2"], **audience)
            moved = Reader(hub, technician, heard[1].id)
            assert [each.name for each in await moved.until(9)][-1:] == ["reset"]
            await append(database, ids[5], after=[mine])
            stays = Reader(hub, replace(technician, id=new_id()), heard[1].id)
            assert "reset" not in [each.name for each in await stays.until(5)]
            await stays.close()

        # Who is in no crew hears nothing of them, wherever they begin.
        stranger = replace(technician, id=new_id(), crew_ids=frozenset())
        nobody = Reader(hub, stranger, heard[0].id)
        assert [each.name for each in await nobody.until(1)] == ["ready"]
        await nobody.close()

        # A restored database is another history.
        foreign = Reader(hub, technician, str(Cursor(new_id(), 5, 5)))
        assert [each.name for each in await foreign.until(2)] == ["reset"]
        waiting = Reader(hub, technician)
        await waiting.until(1)
        feed.begin_epoch(database.url)
        await append(database, new_id(), after=[mine])
        assert [each.name for each in await waiting.until(3)] == ["ready", "reset"]

    async def test_a_commit_that_overtakes_an_older_transaction_is_told_after_it(
        self, hub: Hub, database: Database
    ) -> None:
        company = Principal(id=new_id(), name="key", is_api_key=True, key_stations=None)
        everyone = replace(company, key_permissions=frozenset({reading.Permission.ORDERS_READ}))
        first, second = new_id(), new_id()
        reader = Reader(hub, everyone)
        await reader.until(1)
        async with database.transaction() as older:
            await feed.append(older, "work_order", first)
            await older.flush()
            await append(database, second)
        heard = (await reader.until(3))[1:]
        assert [json.loads(each.data)["entity_id"] for each in heard] == [str(first), str(second)]
        await reader.close()

    async def test_a_sign_in_that_ended_ends_the_stream_before_more_is_told(
        self, hub: Hub, database: Database, world: World
    ) -> None:
        crew = feed.crew_token(world.crews["A2"])
        technician = Principal(id=new_id(), name="t", crew_ids=frozenset({world.crews["A2"]}))

        async def nobody() -> Principal:
            raise Unauthenticated("the sign-in has ended")

        async def moved() -> Principal:
            return replace(technician, crew_ids=frozenset())

        for who, last in ((nobody, "bye"), (moved, "reset")):
            reader = Reader(hub, technician, who=who)
            await reader.until(1)
            async with database.transaction() as session:
                await feed.append(session, "crew", world.crews["A2"], before=[crew])
                await session.flush()
                await feed.append(session, "work_order", new_id(), after=[crew])
            heard = await reader.until(9)
            assert [each.name for each in heard] == ["ready", "change", last]

    async def test_the_connection_of_the_hub_may_be_lost(
        self, hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.stream.hub.LOST_CONNECTION_S", 0.01)
        company = Principal(id=new_id(), name="key", is_api_key=True, key_stations=None)
        everyone = replace(company, key_permissions=frozenset({reading.Permission.ORDERS_READ}))
        reader = Reader(hub, everyone)
        await reader.until(1)
        async with database.transaction() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND (query LIKE 'LISTEN%' OR query LIKE '%feed_epoch e LEFT JOIN%')"
                )
            )
        await append(database, new_id())
        assert [each.name for each in await reader.until(2)] == ["ready", "change"]
        await reader.close()

    async def test_no_trouble_of_its_own_silences_it(
        self, hub: Hub, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.stream.hub.LOST_CONNECTION_S", 0.01)
        spread, failures = hub.clients.spread, [ValueError("a row that cannot be spread")]

        def fails_once(row: FeedRow) -> None:
            if failures:
                raise failures.pop()
            spread(row)

        monkeypatch.setattr(hub.clients, "spread", fails_once)
        company = Principal(id=new_id(), name="key", is_api_key=True, key_stations=None)
        everyone = replace(company, key_permissions=frozenset({reading.Permission.ORDERS_READ}))
        reader = Reader(hub, everyone)
        await reader.until(1)
        await append(database, new_id())
        assert [each.name for each in await reader.until(2)] == ["ready", "change"]
        await reader.close()
        assert not failures
        await hub.close()
        await hub.start()
        assert hub._task is not None and not hub._task.done(), "a task that ended is begun anew"
