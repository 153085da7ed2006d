"""One set-up at a time: a lock between processes."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.provision.refusal import CannotProvision, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = ".provision.lock"


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold the project's set-up lock; other processes wait until it is released.

    The kernel releases it when the holder dies. Not re-entrant: take it in entry points only.
    Raises CannotProvision when the folder is another user's.
    """
    handle = _acquire(var)
    try:
        yield
    finally:
        os.close(handle)


def _acquire(var: Path) -> int:
    path = var / LOCK_NAME
    while True:
        handle = _open(path)
        _wait_for(handle)
        # `clean` removes the file while holding it: a lock on the removed file guards nothing.
        if _is_in_place(path, handle):
            return handle
        os.close(handle)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError as error:
        raise CannotProvision(
            f"{path.parent} belongs to another user: run the command as that user, or run "
            "'make clean' as that user first."
        ) from error


def _is_in_place(path: Path, handle: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _wait_for(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up of this project is running; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)
