"""The demo's child processes: started, watched, and gone when the demo is gone."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.provision.project import PROJECT_ROOT

PATIENCE_S = 8.0
_PR_SET_PDEATHSIG = 1
_TAIL_LINES = 12


class ProcessFailed(Exception):
    """A child ended badly; the message names it and quotes the end of its log."""

    def __init__(self, name: str, status: int | None, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if log.exists() else []
        super().__init__(f"{name} ended with status {status}; see {log}\n" + "\n".join(lines))


def die_with_parent() -> None:
    """In the child: be killed when the demo is killed (Linux only; elsewhere nothing)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    """A running process and its log."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def ended_early(self) -> None:
        """Waits for its end, which is always too early; raises ProcessFailed."""
        raise ProcessFailed(self.name, await self.process.wait(), self.log)


class Children:
    """All processes of one demo; leave the `async with` to stop them, the newest first."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.running: list[Child] = []

    async def __aenter__(self) -> "Children":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in reversed(self.running):
            await self.stop(child, forget=False)
        self.running.clear()

    async def start(self, name: str, module: str, *arguments: str, talks: bool = False) -> Child:
        """`python -m module arguments`, logging to NAME.log; `talks` keeps stdin and stdout."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as sink:
            process = await self._spawn(module, arguments, sink, talks=talks)
        child = Child(name, process, log)
        self.running.append(child)
        return child

    async def run(
        self, name: str, module: str, *arguments: str, extra: Mapping[str, str] | None = None
    ) -> str:
        """Run to the end and return what it printed; raises ProcessFailed."""
        status, printed = await self.attempt(name, module, *arguments, extra=extra)
        if status != 0:
            raise ProcessFailed(name, status, self.folder / f"{name}.log")
        return printed

    async def attempt(
        self, name: str, module: str, *arguments: str, extra: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Run to the end; its exit status and what it printed."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as sink:
            process = await self._spawn(module, arguments, sink, talks=True, extra=extra)
            try:
                printed, _ = await process.communicate()
            except BaseException:
                _kill_group(process)
                await process.wait()
                raise
            sink.write(printed)
        assert process.returncode is not None
        return process.returncode, printed.decode(errors="replace")

    async def _spawn(
        self,
        module: str,
        arguments: tuple[str, ...],
        sink: IO[bytes],
        *,
        talks: bool,
        extra: Mapping[str, str] | None = None,
    ) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE if talks else None
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=PROJECT_ROOT,
            env=os.environ | self.environment | dict(extra or {}),
            stdin=pipe or asyncio.subprocess.DEVNULL,
            stdout=pipe or sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=die_with_parent,
            limit=2**20,
        )

    async def stop(self, child: Child, *, forget: bool = True) -> None:
        """End a child and whatever it started: politely, then not."""
        if child.process.stdin is not None:
            child.process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), PATIENCE_S)
        _kill_group(child.process)
        await child.process.wait()
        if forget:
            self.running.remove(child)


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the group that the child leads; one that is gone is fine.

    A worker's searches are sessions of their own (`app.planning.solver`): none is reached here, and
    each ends itself when its worker has ended.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
