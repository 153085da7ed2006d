"""Forks this test's Python processes from one that has loaded their code: a start costs no import.

Loading the API takes longer than most repairs of what a kill broke, and the test kills often.
A child shares nothing with its siblings but that code: it opens its own files and connections.
"""

import asyncio
import ctypes
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_MOST_BYTES = 65_536
_TAIL_BYTES = 1500
Role = Callable[[list[str]], None]
"""What a child does, until it is killed: takes the arguments of its command line."""


class EndedEarly(Exception):
    """A child ended that nobody had killed; quotes the end of its log."""


@dataclass(frozen=True, slots=True)
class Born:
    """A running child: the leader of its own process group."""

    role: str
    pid: int
    pidfd: int | None
    """None when it had ended before it could be looked at."""
    log: Path
    spent_s: defaultdict[str, float]
    """Processor time by role; a child is added when it is killed."""

    async def killed(self) -> None:
        """SIGKILL to it and whatever it started; returns when it is gone."""
        if self.pidfd is not None:
            self.spent_s[self.role] += processor_s(self.pid)
            for each in (os.killpg, os.kill):
                try:
                    each(self.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            await asyncio.to_thread(_wait_for, self.pidfd)
            os.close(self.pidfd)

    def assert_alive(self) -> None:
        """Raises EndedEarly when it has ended by itself."""
        if self.pidfd is None or _has_ended(self.pidfd):
            ending = self.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
            raise EndedEarly(f"process {self.pid} ended by itself; see {self.log}\n{ending}")


class Nursery:
    """Make it before any thread or event loop runs, when all code is loaded."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            self._line.close()
            _serve(theirs, roles)
        theirs.close()
        self.spent_s: defaultdict[str, float] = defaultdict(float)

    def bear(
        self,
        role: str,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> Born:
        """A child in this role; `stdout` is a file descriptor, otherwise it goes to the log."""
        told = {"role": role, "arguments": arguments, "environment": dict(environment or {})}
        with log.open("ab") as sink:
            descriptors = [sink.fileno(), sink.fileno() if stdout is None else stdout]
            socket.send_fds(self._line, [json.dumps(told).encode()], descriptors)
        pid = int(self._line.recv(_MOST_BYTES))
        try:
            pidfd: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            pidfd = None
        return Born(role, pid, pidfd, log, self.spent_s)


def processor_s(pid: int) -> float:
    """Seconds that a process and its ended children worked; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _serve(line: socket.socket, roles: Mapping[str, Role]) -> NoReturn:
    _die_with_parent(signal.SIGKILL)
    # Nobody waits for the children: their parent of record is not who watches them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, descriptors, _, _ = socket.recv_fds(line, _MOST_BYTES, 2)
        if not told:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            line.close()
            _be_child(json.loads(told), roles, *descriptors)
        for each in descriptors:
            os.close(each)
        line.send(str(pid).encode())


def _be_child(told: dict[str, Any], roles: Mapping[str, Role], stderr: int, stdout: int) -> None:
    _die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(told["environment"])
    sys.argv = [told["role"], *told["arguments"]]
    try:
        roles[told["role"]](told["arguments"])
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _die_with_parent(number: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


def _has_ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])


def _wait_for(pidfd: int) -> None:
    select.select([pidfd], [], [])
