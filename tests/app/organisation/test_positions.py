"""Positions: taken in batches, on shift only, each once, and read by time."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.identity.models import Device
from app.organisation import service
from app.organisation.models import Attendance, Position, Presence
from app.organisation.places import place_out
from app.organisation.position_store import Span
from app.organisation.positions import Fix, refusal, take_in
from app.tickers import purge
from tests.conftest import Headers
from tests.factories.phone import Phone
from tests.factories.world import NOW, World

MINUTE = timedelta(minutes=1)
NONE = {"future": 0, "too_old": 0, "inaccurate": 0, "off_shift": 0}


def fix(at: datetime, lon: float = 117.03, lat: float = 36.64, **said: Any) -> dict[str, Any]:
    place = {"lon": lon, "lat": lat}
    return {"at": at.isoformat(), "place": place, "accuracy_m": 8.0} | said


@pytest.fixture
def morning(database_url: str) -> None:
    """Half an hour after NOW, when the clock already stands still."""
    assert database_url
    clock.advance(30 * MINUTE)


async def send(
    client: httpx.AsyncClient, headers: dict[str, str], *fixes: dict[str, Any]
) -> dict[str, Any]:
    answer = await client.post("/mobile/positions", headers=headers, json={"fixes": list(fixes)})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


class TestRefusal:
    def test_both_ends_of_each_limit(self) -> None:
        spans = [Span(NOW - timedelta(days=3), NOW - timedelta(hours=1)), Span(NOW, None)]
        second = timedelta(seconds=1)
        for at, accuracy_m, expected in [
            (NOW, 500.0, None),
            (NOW, 500.1, "inaccurate"),
            (NOW + 60 * second, 5.0, None),
            (NOW + 61 * second, 5.0, "future"),
            (NOW - timedelta(hours=48), 5.0, None),
            (NOW - timedelta(hours=48) - second, 5.0, "too_old"),
            (NOW - timedelta(hours=1), 5.0, None),
            (NOW - timedelta(hours=1) + second, 5.0, "off_shift"),
            (NOW - second, 5.0, "off_shift"),
        ]:
            assert refusal(at, accuracy_m, NOW, spans) == expected, at

    def test_without_a_clock_in_nothing_is_kept(self) -> None:
        assert refusal(NOW, 5.0, NOW, []) == "off_shift"


@pytest.mark.usefixtures("morning")
class TestTakingIn:
    async def test_the_answer_counts_every_fix_by_what_became_of_it(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        now = clock.now()
        told = await send(
            client,
            as_("tech01"),
            fix(now),
            fix(now - MINUTE),
            fix(now - MINUTE, lon=117.04),
            fix(now + 2 * MINUTE),
            fix(now - timedelta(hours=49)),
            fix(now - 2 * MINUTE, accuracy_m=501),
            fix(now - timedelta(hours=2)),
            fix(now - timedelta(hours=3)),
        )
        assert told == {
            "stored": 2,
            "repeated": 1,
            "refused": {"future": 1, "too_old": 1, "inaccurate": 1, "off_shift": 2},
        }

    async def test_a_batch_sent_again_is_stored_once(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        batch = [fix(NOW + n * MINUTE) for n in range(5)]
        assert (await send(client, as_("tech01"), *batch))["stored"] == 5
        again = await send(client, as_("tech01"), *batch, fix(NOW + 5 * MINUTE))
        assert again == {"stored": 1, "repeated": 5, "refused": NONE}
        stored = await service.fixes(session, world.technicians["tech01"], NOW, clock.now())
        assert [each.at for each in stored] == [NOW + n * MINUTE for n in range(6)]

    async def test_a_new_skew_does_not_store_a_fix_twice(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        """The lost answer's batch comes again after a sync that measured 300 ms more."""
        phone = Phone(client, as_("tech01"))
        ahead = 2 * timedelta(hours=1)
        now = clock.now()
        for jitter, expected in ((timedelta(0), 1), (timedelta(milliseconds=300), 0)):
            await phone.sync(device_time=now + ahead + jitter)
            told = await send(client, as_("tech01"), fix(now + ahead - MINUTE))
            assert (told["stored"], told["refused"]) == (expected, NONE)
        (stored,) = (await session.exec(select(Position))).all()
        assert (stored.at, stored.client_at) == (now - MINUTE, now + ahead - MINUTE)
        assert stored.received_at == now

    async def test_a_phone_without_a_sync_is_corrected_by_when_it_sent(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession
    ) -> None:
        """Its clock is a day ahead: all of it would lie in the future, and be lost."""
        now, ahead = clock.now(), timedelta(days=1)
        body = {"fixes": [fix(now + ahead - MINUTE)]}
        lost = await client.post("/mobile/positions", headers=as_("tech01"), json=body)
        assert lost.json()["refused"]["future"] == 1
        body["sent_at"] = (now + ahead).isoformat()
        kept = await client.post("/mobile/positions", headers=as_("tech01"), json=body)
        assert kept.json()["stored"] == 1
        (stored,) = (await session.exec(select(Position))).all()
        assert stored.at == now - MINUTE

    async def test_what_a_sync_measured_counts_for_more_than_when_it_sent(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession
    ) -> None:
        now = clock.now()
        await Phone(client, as_("tech01")).sync(device_time=now)
        body = {"fixes": [fix(now - MINUTE)], "sent_at": (now - 20 * MINUTE).isoformat()}
        await client.post("/mobile/positions", headers=as_("tech01"), json=body)
        (stored,) = (await session.exec(select(Position))).all()
        assert stored.at == now - MINUTE

    async def test_a_little_ahead_of_our_time_is_now(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession
    ) -> None:
        await send(client, as_("tech01"), fix(clock.now() + 30 * timedelta(seconds=1)))
        (stored,) = (await session.exec(select(Position))).all()
        assert stored.at == clock.now()

    async def test_a_mocked_fix_is_kept_and_marked(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        await send(client, as_("tech01"), fix(NOW, mocked=True), fix(NOW + MINUTE))
        stored = await service.fixes(session, world.technicians["tech01"], NOW, clock.now())
        assert [each.mocked for each in stored] == [True, False]

    async def test_each_datum_of_a_batch_is_converted_once(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        said = [fix(NOW + n * MINUTE, 117.03 + n / 1000) for n in range(4)]
        for each, datum in zip(said, ("wgs84", "gcj02", "bd09", "wgs84"), strict=True):
            each["place"]["datum"] = datum
        await send(client, as_("tech01"), *said)
        stored = await service.fixes(session, world.technicians["tech01"], NOW, clock.now())
        shift = [round(117.03 + n / 1000 - each.lon, 4) for n, each in enumerate(stored)]
        assert shift[0] == shift[3] == 0
        assert 0.003 < shift[1] < 0.008 < shift[2] < 0.016

    async def test_what_cannot_be_meant_is_refused_whole(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession
    ) -> None:
        good = fix(NOW)
        wrong: list[list[dict[str, Any]]] = [
            [],
            [good] * 501,
            [good, fix(NOW, lon=0.0, lat=0.0)],
            [good | {"at": "2026-01-15T08:00:00"}],
            [good | {"accuracy_m": -1}],
            [good | {"speed": 3}],
        ]
        for fixes in wrong:
            answer = await client.post(
                "/mobile/positions", headers=as_("tech01"), json={"fixes": fixes}
            )
            assert answer.status_code == 422, fixes[:2]
        assert (await session.exec(select(Position))).all() == []

    async def test_the_most_that_may_come_is_taken(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        batch = [fix(NOW + n * timedelta(seconds=1)) for n in range(500)]
        assert (await send(client, as_("tech01"), *batch))["stored"] == 500

    async def test_twins_at_the_same_moment_store_once(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession
    ) -> None:
        batch = [fix(NOW + n * MINUTE) for n in range(20)]
        told = await asyncio.gather(
            *(send(client, as_("tech01"), *each) for each in (batch, batch[::-1]))
        )
        assert sorted(each["stored"] for each in told) == [0, 20]
        assert len((await session.exec(select(Position))).all()) == 20

    async def test_the_application_cannot_change_a_fix(
        self, client: httpx.AsyncClient, as_: Headers, database: Database
    ) -> None:
        await send(client, as_("tech01"), fix(NOW))
        with pytest.raises(Exception, match="permission denied"):
            async with database.transaction() as session:
                await session.execute(update(Position).values(mocked=True))

    async def test_the_office_has_no_position(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        for person in ("dispatcher", "manager", "admin"):
            answer = await client.post(
                "/mobile/positions", headers=as_(person), json={"fixes": [fix(NOW)]}
            )
            assert answer.status_code == 403


@pytest.mark.usefixtures("morning")
class TestOnShiftOnly:
    async def test_the_way_home_is_not_stored(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        ended = clock.now()
        await client.post("/mobile/clock-out", headers=as_("tech01"))
        clock.advance(10 * MINUTE)
        told = await send(
            client, as_("tech01"), fix(ended - MINUTE), fix(ended), fix(ended + MINUTE)
        )
        assert (told["stored"], told["refused"]["off_shift"]) == (2, 1)
        presence = await session.get_one(Presence, world.technicians["tech01"])
        assert (presence.online, presence.location, presence.location_at) == (False, None, None)

    async def test_a_break_between_two_attendances_is_not_stored(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        out = clock.now()
        await client.post("/mobile/clock-out", headers=as_("tech01"))
        clock.advance(60 * MINUTE)
        await client.post("/mobile/clock-in", headers=as_("tech01"), json={})
        told = await send(client, as_("tech01"), fix(out - MINUTE), fix(out + MINUTE))
        assert (told["stored"], told["refused"]["off_shift"]) == (1, 1)
        presence = await session.get_one(Presence, world.technicians["tech01"])
        assert (presence.online, presence.location) == (True, None)

    async def test_a_clock_out_waits_until_positions_are_in(
        self, database: Database, world: World
    ) -> None:
        """Else a position could be written after the clock-out forgot it."""
        technician_id = world.technicians["tech01"]
        async with database.transaction() as taking:
            fixes = [Fix(clock.now(), 117.03, 36.64, 5.0, False)]
            await take_in(taking, technician_id, None, fixes)
            async with database.transaction() as leaving:
                locked = select(Attendance.id).where(
                    Attendance.technician_id == technician_id,
                    col(Attendance.clock_out_at).is_(None),
                )
                free = await leaving.exec(locked.with_for_update(skip_locked=True))
                assert free.all() == []


@pytest.mark.usefixtures("morning")
class TestPresence:
    async def test_the_newest_fix_says_where_and_when(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        await Phone(client, as_("tech01")).sync()
        newest = NOW + 20 * MINUTE
        await send(
            client, as_("tech01"), fix(newest, 117.09, 36.69), fix(NOW + MINUTE, 117.01, 36.61)
        )
        presence = await session.get_one(Presence, world.technicians["tech01"])
        place = place_out(presence.location)
        assert (place.lon, place.lat) == (117.09, 36.69)
        assert (presence.location_at, presence.seen_at) == (newest, clock.now())

    async def test_what_was_measured_earlier_does_not_move_them_back(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        await send(client, as_("tech01"), fix(NOW + 20 * MINUTE, 117.09, 36.69))
        await send(client, as_("tech01"), fix(NOW + 10 * MINUTE, 117.01, 36.61))
        presence = await session.get_one(Presence, world.technicians["tech01"])
        assert place_out(presence.location).lon == 117.09

    @pytest.mark.parametrize("doubt", [{"mocked": True}, {"accuracy_m": 100.1}])
    async def test_a_doubtful_fix_is_kept_and_moves_nobody(
        self,
        client: httpx.AsyncClient,
        as_: Headers,
        session: AsyncSession,
        world: World,
        doubt: dict[str, Any],
    ) -> None:
        good, late = NOW + 10 * MINUTE, NOW + 20 * MINUTE
        told = await send(
            client, as_("tech01"), fix(good, accuracy_m=100), fix(late, 117.09, 36.69, **doubt)
        )
        assert told["stored"] == 2
        await send(client, as_("tech01"), fix(late + MINUTE, 117.09, 36.69, **doubt))
        presence = await session.get_one(Presence, world.technicians["tech01"])
        place = place_out(presence.location)
        assert (place.lon, place.lat, presence.location_at) == (117.03, 36.64, good)
        assert presence.seen_at == clock.now()

    async def test_refused_fixes_say_only_that_the_phone_is_on_line(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        await send(client, as_("tech01"), fix(NOW + MINUTE, accuracy_m=900))
        presence = await session.get_one(Presence, world.technicians["tech01"])
        assert (presence.seen_at, presence.location_at) == (clock.now(), NOW)


@pytest.mark.usefixtures("morning")
class TestReading:
    async def test_a_span_is_half_open_and_one_persons(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        for person in ("tech01", "tech05"):
            await send(client, as_(person), *(fix(NOW + n * MINUTE) for n in range(4)))
        found = await service.fixes(
            session, world.technicians["tech01"], NOW + MINUTE, NOW + 3 * MINUTE
        )
        assert [each.at for each in found] == [NOW + MINUTE, NOW + 2 * MINUTE]
        assert found[0] == service.FixRow(NOW + MINUTE, 117.03, 36.64, 8.0, False)

    async def test_of_one_instant_the_most_accurate_is_told(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        ahead = [
            fix(clock.now() + n * timedelta(seconds=10), accuracy_m=accuracy_m)
            for n, accuracy_m in enumerate((30, 4, 9))
        ]
        assert (await send(client, as_("tech01"), *ahead))["stored"] == 3
        found = await service.fixes(session, world.technicians["tech01"], NOW, clock.now() + MINUTE)
        assert [(each.at, each.accuracy_m) for each in found] == [(clock.now(), 4.0)]

    async def test_who_has_fixes(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        await send(client, as_("tech01"), fix(NOW), fix(NOW + MINUTE))
        await send(client, as_("tech05"), fix(NOW + 5 * MINUTE))
        until = NOW + 5 * MINUTE
        early = await service.technicians_with_fixes(session, NOW, until)
        assert early == [world.technicians["tech01"]]
        both = await service.technicians_with_fixes(session, NOW, until + MINUTE)
        assert both == sorted(world.technicians[name] for name in ("tech01", "tech05"))


class TestPurge:
    async def test_the_worker_forgets_after_thirty_days(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        await send(client, as_("tech01"), fix(NOW - MINUTE), fix(NOW))
        clock.advance(timedelta(days=30))
        await purge(database)
        async with database.transaction() as session:
            kept = [each.at for each in (await session.exec(select(Position))).all()]
        assert kept == [NOW]


async def test_devices_of_others_lend_no_skew(
    client: httpx.AsyncClient, as_: Headers, database: Database, world: World
) -> None:
    async with database.transaction() as session:
        ahead = update(Device).where(col(Device.id) == world.devices["tech02"])
        await session.execute(ahead.values(skew_ms=600_000))
    assert (await send(client, as_("tech01"), fix(NOW)))["stored"] == 1
    assert (await send(client, as_("tech02"), fix(NOW)))["stored"] == 1
    async with database.transaction() as session:
        stored = (await session.exec(select(Position))).all()
    (first, second) = sorted((each.at, each.technician_id) for each in stored)
    assert first == (NOW - 10 * MINUTE, world.technicians["tech02"])
    assert second == (NOW, world.technicians["tech01"])
