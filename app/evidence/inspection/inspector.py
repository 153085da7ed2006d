"""The service's side of the decoding processes: a few of them, each asked by one thread."""

import asyncio
import atexit
import os
import select
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from app.core import clock
from app.evidence import limits
from app.evidence.errors import EvidenceCheckBusy
from app.evidence.inspection.findings import Findings, Task

PROCESSES = 2
"""Files opened at once, per API process."""
QUEUED_S = 15.0
"""A file that waits longer than this, with its opening, is asked for again."""
MOST_LOST = 3
"""A machine that is slow for a moment loses a decoder; no file needs that three times."""
_REMEMBERED = 1000
_START_S = 30.0
_ANSWER_BYTES = 4_000_000
_COMMAND = [sys.executable, "-I", "-m", "app.evidence.inspection.process"]


class DecoderLost(Exception):
    """The process died or did not answer in time; the file has nothing to do with it."""


class Decoder:
    """One decoding process; started when it is first asked, replaced when it is lost."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, task: Task, wall_s: float) -> bytes:
        """The answer's line; raises DecoderLost. Blocks: for the thread that owns it."""
        fresh = self._process is None
        process = self._process = self._process or _started()
        assert process.stdin is not None
        try:
            process.stdin.write(task.model_dump_json().encode() + b"\n")
            process.stdin.flush()
            return _line(process, wall_s + (_START_S if fresh else 0.0))
        except (OSError, DecoderLost) as error:
            self.close()
            raise DecoderLost from error

    def close(self) -> None:
        """End the process and whatever it is opening."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(OSError), process:
            pass


def _started() -> subprocess.Popen[bytes]:
    """A process that knows no secret: its environment is empty."""
    return subprocess.Popen(
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )


def _line(process: subprocess.Popen[bytes], wall_s: float) -> bytes:
    assert process.stdout is not None
    descriptor, until, read = process.stdout.fileno(), clock.monotonic() + wall_s, b""
    while not read.endswith(b"\n"):
        left = until - clock.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise DecoderLost
        piece = os.read(descriptor, 65_536)
        if not piece or len(read) > _ANSWER_BYTES:
            raise DecoderLost
        read += piece
    return read


class Losses:
    """How often in a row a decoder was lost over a file; a process of the API remembers a few."""

    def __init__(self) -> None:
        self._by_path: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, path: str) -> bool:
        """Count one more; whether that is enough to blame the file."""
        with self._lock:
            lost = self._by_path.pop(path, 0) + 1
            if lost < MOST_LOST:
                self._by_path[path] = lost
            if len(self._by_path) > _REMEMBERED:
                del self._by_path[next(iter(self._by_path))]
        return lost >= MOST_LOST

    def forget(self, path: str) -> None:
        with self._lock:
            self._by_path.pop(path, None)


class Inspector:
    """Opens files elsewhere and tells what they hold."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._threads = ThreadPoolExecutor(processes, "inspector")
        self._own = threading.local()
        self._decoders: list[Decoder] = []
        self._losses = Losses()

    async def inspect(self, path: Path, media_type: str) -> Findings:
        """What the file at `path` holds, or why it is rejected.

        Raises EvidenceCheckBusy when no process was free, or alive, in time: the file may not be
        to blame and may come again. The third process that it takes with it is its fault.
        """
        wanted = limits.current().decoding
        task = Task(
            path=str(path.absolute()),
            media_type=media_type,
            **wanted.model_dump(exclude={"wall_s"}),
        )
        running = asyncio.get_running_loop().run_in_executor(
            self._threads, self._ask, task, float(wanted.wall_s)
        )
        try:
            return await asyncio.wait_for(running, QUEUED_S + (0 if self._decoders else _START_S))
        except TimeoutError as error:
            raise EvidenceCheckBusy() from error

    def _ask(self, task: Task, wall_s: float) -> Findings:
        decoder = cast("Decoder | None", getattr(self._own, "decoder", None))
        if decoder is None:
            decoder = self._own.decoder = Decoder()
            self._decoders.append(decoder)
        try:
            answer = decoder.ask(task, wall_s)
        except DecoderLost as error:
            if self._losses.add(task.path):
                return Findings(why="costs-too-much")
            raise EvidenceCheckBusy() from error
        self._losses.forget(task.path)
        try:
            return Findings.model_validate_json(answer)
        except ValidationError:  # what a decoder says that was taken over counts for nothing
            return Findings(why="undecodable")

    def close(self) -> None:
        """End every process; nothing may be asked afterwards."""
        for decoder in self._decoders:
            decoder.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


@cache
def inspector() -> Inspector:
    """The one of this process."""
    made = Inspector()
    atexit.register(made.close)
    return made
