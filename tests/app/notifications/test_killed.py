"""The worker's process is killed (-9) between any two steps, under a burst of orders.

The gateway is a process of its own and keeps what it was given. Time passes for leases, heartbeats
and doubts only when the test says so: nothing here waits for a clock.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from app.core import clock
from app.core.db import Database
from app.core.settings import Settings
from app.demo import text_gateway
from app.organisation.models import Technician
from tests.app.notifications.conftest import Register
from tests.app.notifications.fake_server import FakeFcm
from tests.app.notifications.mortal_worker import PLACES
from tests.factories.desk import Desk

CREW, CALLER = "13800007777", "13900000001"
ROOMS = ("锦绣家园1-1-101", "锦绣家园1-1-102", "锦绣家园1-2-201", "锦绣家园3-1-101")
SECOND_STEP = timedelta(seconds=125)
PASSED = "interval '5 minutes'"
_TIME_PASSES = (
    f"UPDATE dispatches SET due_at = due_at - {PASSED}, leased_until = leased_until - {PASSED}"
    " WHERE state IN ('queued', 'sending')",
    f"UPDATE customer_messages SET unsure_since = unsure_since - {PASSED},"
    f" due_at = due_at - {PASSED}",
    f"UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - {PASSED}",
    f"UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - {PASSED}"
    " WHERE task_name <> 'notifications.climb'",
)
_WAITED = f"""
UPDATE dispatches SET due_at = dispatches.due_at - {PASSED}
  FROM alarms a JOIN ladders l ON l.id = a.ladder_id AND l.burst_s > 0
 WHERE a.id = alarm_id AND state = 'queued' AND dispatches.due_at > now()
   AND EXISTS (SELECT FROM dispatches told WHERE told.sent_at IS NOT NULL
                  AND told.user_id = dispatches.user_id AND told.channel = dispatches.channel)
"""
"""What waits since the person was just told, so that one message tells of all that comes meanwhile,
has waited long enough. Whoever has not been told waits for something else."""
_TOLD_LONG_AGO = f"UPDATE dispatches SET sent_at = sent_at - {PASSED} WHERE sent_at > :began_at"
"""Who was told in this life was told so long ago that nothing waits because of it."""

Worker = subprocess.Popen[str]


@pytest.fixture
def worker(
    config: Settings, fcm_server: FakeFcm, fcm_account: Path, tmp_path: Path
) -> Iterator[Worker]:
    """Lives as often as it is told to; business time goes on from the test's own."""
    channels = tmp_path / "channels.toml"
    text_gateway.write_channels(channels, fcm_server.url)
    environment = os.environ | {
        "PAIGONG_ENVIRONMENT": "test",
        "DATABASE_URL": config.database_url,
        "PAIGONG_SECRET_KEY": config.secret_key,
        "PAIGONG_DATA_DIR": str(config.data_dir),
        "PAIGONG_FCM_CREDENTIALS": str(fcm_account),
        "PAIGONG_FCM_URL": fcm_server.url,
        "PAIGONG_CHANNELS_FILE": str(channels),
        "PAIGONG_DEMO_REAL_EPOCH": clock.real_now().isoformat(),
        "PAIGONG_DEMO_BUSINESS_EPOCH": (clock.now() + SECOND_STEP).isoformat(),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.app.notifications.mortal_worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def live(worker: Worker, place: str) -> int:
    """One life of the worker; minus nine when it was killed."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(place + "\n")
    worker.stdin.flush()
    return int(worker.stdout.readline())


async def time_passes(database: Database) -> None:
    async with database.transaction() as session:
        for statement in _TIME_PASSES:
            await session.execute(text(statement))


async def live_on(worker: Worker, database: Database) -> int:
    """A life to its own end, in which every burst is over at once."""
    began_at = clock.now()
    life = asyncio.create_task(asyncio.to_thread(live, worker, ""))
    while not life.done():
        async with database.transaction() as session:
            await session.execute(text(_WAITED))
            await session.execute(text(_TOLD_LONG_AGO), {"began_at": began_at})
        await asyncio.wait({life}, timeout=0.3)
    return life.result()


async def test_nothing_is_lost_and_no_text_goes_twice_wherever_the_worker_is_killed(
    worker: Worker, desk: Desk, register: Register, database: Database, fcm_server: FakeFcm
) -> None:
    phone = await register("tech03")
    async with database.transaction() as session:
        await session.execute(update(Technician).values(phone=CREW))
    for room in ROOMS:
        await desk.sent(crew="A2", premises=room)
    for number in (CREW, CALLER):
        assert fcm_server.messages(number) == []
    for place in PLACES:
        assert live(worker, place) == -9, place
        await time_passes(database)
    assert await live_on(worker, database) == 0

    told = fcm_server.messages(phone)
    named = {
        each
        for message in told
        for each in message["data"].get("order_ids", message["data"].get("order_id")).split(",")
    }
    assert len(named) == len(ROOMS), "every order woke the phone"
    async with database.transaction() as session:
        states = (await session.execute(text("SELECT DISTINCT state FROM dispatches"))).scalars()
        assert set(states) == {"sent"}
        query = "SELECT step, count(*) FROM ladder_climbs GROUP BY step ORDER BY step"
        climbs = {row[0]: row[1] for row in await session.execute(text(query))}
        query = "SELECT count(*) FROM dispatches WHERE channel = 'sms' AND joined_id IS NULL"
        texts = (await session.execute(text(query))).scalar_one()
    assert climbs == {0: len(ROOMS), 1: len(ROOMS)}, "each step once, and at its time"
    to_crew, to_customer = fcm_server.messages(CREW), fcm_server.messages(CALLER)
    assert 1 <= texts == len(to_crew)
    once = Counter(each["data"]["text"] for each in to_customer)
    assert set(once.values()) == {1}
    assert len(once) == len(ROOMS), "each customer has the receipt, and has it once"
