"""The process of a private cluster: is it alive, start it, and its socket folder."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.provision.notes import ClusterNote
from app.provision.ports import free_port
from app.provision.refusal import CannotProvision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.provision.binaries import PostgresBinaries
    from app.provision.identity import ServerUser

SOCKET_PARENT = Path("/tmp")  # noqa: S108 - a private folder is made in it
SOCKET_PREFIX = "paigong-"
LOG_NAME = "server.log"
START_TRIES = 3
START_WAIT_S = 60
STOP_WAIT_S = 60
POLL_S = 0.02


def server_pid(data: Path) -> int | None:
    """Process of the server that runs on this data folder, None when it is down.

    After a restart of the machine the number in postmaster.pid may belong to any program, so the
    process must also be a postgres that was started with this folder.
    """
    pid = _noted_pid(data)
    return pid if pid is not None and _serves(pid, data) else None


def launch(
    user: ServerUser,
    binaries: PostgresBinaries,
    note: ClusterNote,
    settings: Mapping[str, str],
) -> ClusterNote:
    """Start the server and wait until it answers; returns the note with its port and socket.

    The remembered port is used when it is free.
    Raises CannotProvision with the end of the server's log.
    """
    data = Path(note.data_dir)
    log = data / LOG_NAME
    _forget_reused_pid(data)
    remove_socket_dir(note.socket_dir)
    port: int | None = note.port
    complaint = ""
    for _ in range(START_TRIES):
        fresh = replace(note, port=free_port(port), socket_dir=_make_socket_dir(user))
        start = [binaries / "pg_ctl", "start", "-D", data, "-l", log, "-w", "-t", START_WAIT_S]
        answer = user.run([*start, "-o", _options(fresh, settings)])
        if answer.returncode == 0:
            return fresh
        complaint = answer.stderr
        remove_socket_dir(fresh.socket_dir)
        port = None  # another program may have taken it in between
    ending = last_line(log.read_text(errors="replace")) if log.exists() else last_line(complaint)
    raise CannotProvision(
        f"The private PostgreSQL server does not start, see {log}; its last word is: {ending}"
    )


def halt(data: Path) -> bool:
    """Stop the server and end its connections; False when it was not running.

    Works without PostgreSQL's programs, which may have been removed meanwhile.
    Raises CannotProvision when it does not end in time.
    """
    pid = server_pid(data)
    if pid is None:
        return False
    os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast" shutdown
    deadline = time.monotonic() + STOP_WAIT_S
    while _serves(pid, data):
        if time.monotonic() > deadline:
            raise CannotProvision(
                f"The private PostgreSQL server (process {pid}) does not stop: end it with "
                f"'kill -QUIT {pid}' and run the command again."
            )
        time.sleep(POLL_S)
    return True


def remove_socket_dir(name: str) -> None:
    """Remove a socket folder that `launch` made; any other path is left alone."""
    folder = Path(name)
    is_ours = folder.parent == SOCKET_PARENT and folder.name.startswith(SOCKET_PREFIX)
    if is_ours and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)


def last_line(text: str) -> str:
    """The last line that says something: where PostgreSQL's programs name the cause."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _serves(pid: int, data: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return command[0].endswith(b"postgres") and os.fsencode(data) in command


def _noted_pid(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _forget_reused_pid(data: Path) -> None:
    """Drop a postmaster.pid whose number now belongs to another program.

    PostgreSQL sorts out dead numbers itself, and better: it also looks for surviving children.
    """
    pid = _noted_pid(data)
    if pid is not None and server_pid(data) is None and Path(f"/proc/{pid}").exists():
        (data / "postmaster.pid").unlink()


def _make_socket_dir(user: ServerUser) -> str:
    """A short folder for the socket: its path may have 107 bytes, a project's may have more."""
    folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=SOCKET_PARENT))
    user.give(folder)
    return str(folder)


def _options(note: ClusterNote, settings: Mapping[str, str]) -> str:
    every = {**settings, "port": str(note.port), "unix_socket_directories": note.socket_dir}
    return " ".join(f"-c {name}={shlex.quote(value)}" for name, value in every.items())
