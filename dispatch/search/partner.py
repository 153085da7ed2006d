"""A second process that searches the same problem with another seed on another core.

It is a fresh interpreter that speaks pickles over its pipes: nothing is forked, no caller's main
module is imported again, and it ends with its parent because its input ends. A partner that dies
or is late costs nothing but its share.
"""

from __future__ import annotations

import atexit
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from dispatch.model import Budget
from dispatch.problem import Problem

PATIENCE_S = 20.0
"""How long after its deadline a silent partner is taken for hung."""
LATE_S = 0.15
"""How long after the deadline its answer is still waited for."""
Start = Mapping[str, Sequence[str]] | None


class Partner:
    """Holds one process; starts it when it is first asked, and again when it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0
        self._answer: object = None
        self._thread: threading.Thread | None = None
        self._accepted = False
        self._until = 0.0

    def prepare(self) -> None:
        """Start the process, so that it loads its kernels before it is asked."""
        if self.pid is None:
            self.close()
            self._process = _spawn()

    @property
    def pid(self) -> int | None:
        """The process's id while it lives."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ask(self, problem: Problem, start: Start, budget: Budget, seed: int, until: float) -> None:
        """Let it search until the monotonic instant `until`, which both processes read alike."""
        self._asked += 1
        self._answer = None
        self._accepted = False
        if self._thread is not None and self._thread.is_alive():
            if time.monotonic() < self._until + PATIENCE_S:
                return  # it is late, perhaps still loading its kernels: let it come
            self.close()
        self._accepted = True
        self._until = until
        # A fresh copy leaves behind what the problem has worked out for itself, which may change
        # under the pickler's hands and be larger than the problem.
        question = pickle.dumps((replace(problem), start, budget, seed, until))
        self._thread = threading.Thread(
            target=self._converse, args=(self._asked, question), daemon=True
        )
        self._thread.start()

    def answer(self, until: float) -> object:
        """What it found, or None when it has not answered soon after `until`."""
        if self._thread is not None and self._accepted:
            self._thread.join(max(0.0, until + LATE_S - time.monotonic()))
        return self._answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _converse(self, number: int, question: bytes) -> None:
        try:
            self.prepare()
            process = self._process
            assert process is not None and process.stdin and process.stdout
            process.stdin.write(question)
            process.stdin.flush()
            found = pickle.load(process.stdout)  # noqa: S301 - our own child's
            if number == self._asked:
                self._answer = found
        except (OSError, EOFError, ValueError, AttributeError, pickle.PickleError):
            return  # it died: its share is lost, the next question starts another one


def _spawn() -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-c", "from dispatch.search.partner import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )


PARTNER = Partner()
atexit.register(PARTNER.close)


def has_second_core() -> bool:
    """Whether this process may run on more than one core."""
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1


def has_free_core() -> bool:
    """Whether a second core is idle now; False where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        usable = len(os.sched_getaffinity(0))
        fewest = 1 << 30
        for _ in range(3):
            running = Path("/proc/loadavg").read_text().split()[3].partition("/")[0]
            fewest = min(fewest, int(running))
            time.sleep(0.001)
        return fewest < usable
    return False


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """The partner's life: load the kernels, then answer one question after the other."""
    from dispatch.search.run import run
    from dispatch.search.warmth import warm

    warm()
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            problem, start, budget, seed, until = pickle.load(questions)  # noqa: S301 - our parent's
            found = run(problem, start, budget, seed=seed, until=until)
            answers.write(pickle.dumps(found))
            answers.flush()


def main() -> None:
    """Serve over the standard pipes."""
    serve(sys.stdin.buffer, sys.stdout.buffer)
