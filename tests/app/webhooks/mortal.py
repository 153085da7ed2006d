"""A process that sends one delivery and is killed (-9) while the receiver has the request."""

import asyncio
import os
import signal
import subprocess
import sys
from uuid import UUID

import httpx

from app.core.db import Database
from app.webhooks import sending


def killed_while_it_sends(database_url: str, delivery_id: UUID) -> int:
    """How the process ended: minus the signal."""
    command = [sys.executable, "-m", __name__, database_url, str(delivery_id)]
    return subprocess.run(command, check=False, timeout=60).returncode


def _dies(_request: httpx.Request) -> httpx.Response:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


async def _send(database_url: str, delivery_id: UUID) -> None:
    http = httpx.AsyncClient(transport=httpx.MockTransport(_dies))
    await sending.deliver(Database(database_url), delivery_id, http)


if __name__ == "__main__":
    asyncio.run(_send(sys.argv[1], UUID(sys.argv[2])))
