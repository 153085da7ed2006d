"""One set-up at a time: a lock between processes."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.provision.refusal import say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = ".provision.lock"


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold the project's set-up lock; other processes wait until it is released.

    The kernel releases it when the holder dies. Not re-entrant: take it in entry points only.
    """
    handle = _acquire(var)
    try:
        yield
    finally:
        os.close(handle)


def _acquire(var: Path) -> int:
    while True:
        var.mkdir(parents=True, exist_ok=True)
        path = var / LOCK_NAME
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        _wait_for(handle)
        # `clean` removes the file while holding it: a lock on the removed file guards nothing.
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)


def _wait_for(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up of this project is running; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)
