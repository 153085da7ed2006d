"""Solving in a process of its own: OR-Tools never runs in the worker's event loop."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Protocol

import numpy as np

import dispatch
from app.core import giving_way
from app.planning.errors import SolverFailed

GRACE_S = 20.0
"""Beyond the budget, which is a target: first imports, mending and explaining come on top."""
WARM_S = 300.0
"""The first solve of a machine compiles the search, which takes a busy one a minute."""
NICENESS = 5
"""People wait for everybody else here, nobody for a second of search, so that others come first.
Not by much: on a crowded machine a search that starves never answers. Its children inherit it."""
QUESTION_NICENESS = 8
"""What is only asked ("what if") gives way to plans that people work by."""
SESSION_NICER = 5
"""A session of one search is nicer by so much: beside it the database's processes are one session
with one share for all of them, and so are those of the API."""

Sequences = Mapping[str, Sequence[str]]


class Solver(Protocol):
    """Where plans come from."""

    async def solve(
        self, problem: dispatch.Problem, seconds: float, warm_start: Sequences
    ) -> dispatch.Plan:
        """Plan within about `seconds`; raises SolverFailed, dispatch.ProblemRefused."""
        ...

    async def choose(
        self, candidates: Sequence[dispatch.Candidate], capacity: Mapping[str, int]
    ) -> dict[str, str]:
        """See dispatch.choose_commits."""
        ...


class SolverProcess:
    """One warm child process; one that hangs or dies is replaced, and the caller told.

    Use it as an async context manager. Calls queue up behind each other.
    """

    def __init__(self, *, grace_s: float = GRACE_S, niceness: int = NICENESS) -> None:
        self._grace_s, self._niceness = grace_s, niceness
        self._pool = _pool(niceness)
        self._pid: int | None = None

    async def __aenter__(self) -> "SolverProcess":
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._discard()

    @property
    def pid(self) -> int | None:
        """The child's process id, once it is warm."""
        return self._pid

    async def warm(self) -> None:
        """Let the child load OR-Tools, which takes seconds, before anyone waits for it."""
        self._pid = await self._call(_rehearse, WARM_S)

    async def solve(
        self, problem: dispatch.Problem, seconds: float, warm_start: Sequences
    ) -> dispatch.Plan:
        """Plan in the child; raises SolverFailed, dispatch.ProblemRefused."""
        return await self._call(_solve, 3 * seconds + self._grace_s, problem, seconds, warm_start)

    async def choose(
        self, candidates: Sequence[dispatch.Candidate], capacity: Mapping[str, int]
    ) -> dict[str, str]:
        """Choose in the child; raises SolverFailed."""
        return await self._call(_choose, self._grace_s, candidates, capacity)

    async def _call[**Args, T](
        self, work: Callable[Args, T], within_s: float, *args: Args.args, **named: Args.kwargs
    ) -> T:
        if self._pid is None and work is not _rehearse:
            await self.warm()
        running = asyncio.wrap_future(self._pool.submit(work, *args, **named))
        try:
            async with asyncio.timeout(within_s):
                return await running
        except TimeoutError as error:
            self._replace()
            raise SolverFailed(f"no answer within {within_s:.0f} s") from error
        except BrokenProcessPool as error:
            self._replace()
            raise SolverFailed("the solving process died") from error

    def _replace(self) -> None:
        self._discard()
        self._pool = _pool(self._niceness)

    def _discard(self) -> None:
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._pid = None
        self._pool.shutdown(wait=False, cancel_futures=True)


def _pool(niceness: int) -> ProcessPoolExecutor:
    """No process starts before the first call."""
    return ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_settle_in,
        initargs=(niceness,),
    )


def _settle_in(niceness: int) -> None:
    """In the child: leave Ctrl-C to the parent, end when it ends, and let all others go first."""
    os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Last: nobody who ends the parent's group or session reaches it there.
    giving_way.as_a_session(niceness + SESSION_NICER, of_its_own=True)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _solve(problem: dispatch.Problem, seconds: float, warm_start: Sequences) -> dispatch.Plan:
    return dispatch.solve(problem, dispatch.Budget(seconds=seconds), warm_start=warm_start)


def _choose(
    candidates: Sequence[dispatch.Candidate], capacity: Mapping[str, int]
) -> dict[str, str]:
    return dispatch.choose_commits(candidates, capacity)


def _rehearse() -> int:
    """Load the planner's kernels and OR-Tools, solve something tiny; returns the child's id."""
    dispatch.warm()
    problem = dispatch.Problem(
        orders=(dispatch.Order(id="o", place=1, service_s=60, priority_penalty=1000),),
        crews=(dispatch.Crew(id="c", start_place=0, shift=(0, 3600)),),
        travel=np.array([[0, 60], [60, 0]], dtype=np.int32),
    )
    _solve(problem, 0.1, {})
    _choose([dispatch.Candidate(order_id="o", crew_id="c", cost_s=1)], {})
    return os.getpid()
