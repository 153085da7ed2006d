"""The real worker as processes that are killed (-9) at a chosen place, for `test_killed.py`.

Reads places from stdin, one a line; for each it forks a worker, waits for its end, and prints how
it ended. Without a place the worker ends by itself once every message has had its end.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sqlalchemy import text

from app import worker
from app.core.db import Database
from app.core.settings import Settings
from app.notifications import alarms, customer_delivery, delivery

ALL = ("push", "texts", "default")
PATIENCE_S = 120
_OPEN = """
SELECT (SELECT count(*) FROM dispatches WHERE state IN ('queued', 'sending'))
     + (SELECT count(*) FROM customer_messages WHERE state = 'queued')
     + (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing')
"""


def _die_in(module: Any, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
    """Be killed where the function is entered."""
    living = getattr(module, name)

    async def deadly(*given: Any, **more: Any) -> Any:
        if when(*given):
            os.kill(os.getpid(), signal.SIGKILL)
        return await living(*given, **more)

    setattr(module, name, deadly)


def _die_after(module: Any, name: str) -> None:
    """Be killed when the function has done its work."""
    living = getattr(module, name)

    async def deadly(*given: Any, **more: Any) -> None:
        await living(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(module, name, deadly)


def _is_text(_session: Any, due: Any, _answers: Any) -> bool:
    return bool(due.channel == "sms")


@dataclass(frozen=True)
class Place:
    """Where a worker that serves these queues is killed."""

    queues: tuple[str, ...]
    arm: Callable[[], None]


PLACES = {
    "in the climb": Place(("default",), lambda: _die_in(alarms, "defer")),
    "push claimed": Place(("push", "default"), lambda: _die_in(delivery, "_send")),
    "push noted": Place(("push", "default"), lambda: _die_after(delivery, "deliver")),
    "customer's text with the gateway": Place(
        ("texts",), lambda: _die_in(customer_delivery, "_settle")
    ),
    "text with the gateway": Place(("texts",), lambda: _die_in(delivery, "settle", _is_text)),
}


async def _live(settings: Settings, queues: tuple[str, ...]) -> None:
    """Work until nothing is open; a signal then ends the worker as an operator would."""
    work = asyncio.create_task(worker.run_worker(settings, queues=queues))
    database = Database(settings.database_url)
    while not work.done():
        async with database.transaction() as session:
            if (await session.execute(text(_OPEN))).scalar_one() == 0:
                os.kill(os.getpid(), signal.SIGTERM)
                break
        await asyncio.wait({work}, timeout=0.2)
    await database.close()
    await work


def _one_life(place: str) -> int:
    """Fork, work, and say how it ended: an exit status, or minus the signal."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(PATIENCE_S)  # a place that is never reached must not hold the test
        if place:
            PLACES[place].arm()
        asyncio.run(_live(Settings(), PLACES[place].queues if place else ALL))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    """Live and die, as told."""
    for name in (*worker.TASKS, "firebase_admin.messaging", "google.auth.transport.requests"):
        import_module(name)  # once, instead of in every life
    for line in sys.stdin:
        print(_one_life(line.strip()), flush=True)


if __name__ == "__main__":
    main()
