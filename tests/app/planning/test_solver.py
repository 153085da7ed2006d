"""The solving process: it answers, and one that dies is replaced."""

import os
import signal

import numpy as np
import pytest

import dispatch
from app.planning.errors import SolverFailed
from app.planning.solver import SolverProcess


def problem() -> dispatch.Problem:
    return dispatch.Problem(
        orders=(dispatch.Order(id="o", place=1, service_s=600, priority_penalty=10_000),),
        crews=(dispatch.Crew(id="c", start_place=0, shift=(0, 7200)),),
        travel=np.array([[0, 300], [300, 0]], dtype=np.int32),
    )


class TestSolverProcess:
    async def test_plans_in_another_process_and_outlives_one_that_hangs_or_dies(self) -> None:
        async with SolverProcess(grace_s=5) as solver:
            await solver.warm()
            first = solver.pid
            assert first is not None and first != os.getpid()
            plan = await solver.solve(problem(), 0.1, {})
            assert dispatch.check(problem(), plan) == []
            assert plan.crew_of == {"o": "c"}
            os.kill(first, signal.SIGSTOP)
            with pytest.raises(SolverFailed, match="no answer"):
                await solver.solve(problem(), 0.1, {})
            again = await solver.solve(problem(), 0.1, {})
            assert again.crew_of == {"o": "c"} and solver.pid not in (None, first)
            os.kill(solver.pid, signal.SIGKILL)
            with pytest.raises(SolverFailed, match="died"):
                await solver.solve(problem(), 0.1, {})
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
