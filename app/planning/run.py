"""One planning run: load, roads, solve, check, merge, publish, commit.

No transaction is open while roads are asked or the search runs. Each step is noted on the run,
so that a screen can follow it.
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

import dispatch
from app.core import clock, settings
from app.core.db import Database
from app.planning import policy, repository
from app.planning.build import Layout, chains, problem_of, warm_start
from app.planning.by_stations import search_by_stations, tell_by_stations
from app.planning.commit import commit_due
from app.planning.context import Planner
from app.planning.errors import PlanRefused
from app.planning.load import load
from app.planning.merge import Solved, merged
from app.planning.models import PlanningProblem, PlanningRun
from app.planning.outcome import Outcome, outcome
from app.planning.publish import answer, publish, tell
from app.planning.roads import roads_between
from app.planning.size import fits
from app.planning.snapshot import Snapshot
from app.planning.stored import Asked, packed
from app.planning.what_if import supposed, weights

log = logging.getLogger(__name__)
LONGEST_ERROR = 1_000


@dataclass(slots=True)
class _Stopwatch:
    """Real seconds per step."""

    began: float = field(default_factory=clock.monotonic)
    laps: dict[str, float] = field(default_factory=dict)

    def lap(self, step: str) -> None:
        now = clock.monotonic()
        self.laps[step] = round(now - self.began, 4)
        self.began = now


async def begin_if_behind(database: Database, station_id: UUID) -> UUID | None:
    """A new run for a station whose plan is behind; None when somebody planned it meanwhile."""
    async with database.transaction() as session:
        if not await repository.is_behind(session, station_id):
            return None
        run = PlanningRun(
            station_id=station_id,
            state="queued",
            trigger="changes",
            horizon_s=policy.DEFAULT_HORIZON_S,
            budget_s=settings.current().plan_budget_s,
            requested_at=clock.now(),
        )
        session.add(run)
        return run.id


async def execute(planner: Planner, run_id: UUID) -> None:
    """Carry out a queued run; on failure it says why, publishes nothing, and raises."""
    try:
        await _execute(planner, run_id)
    except Exception as error:
        await _fail(planner.database, run_id, error)
        raise


async def _execute(planner: Planner, run_id: UUID) -> None:
    run = await _start(planner.database, run_id)
    if run is None:
        return
    watch = _Stopwatch()
    async with planner.database.transaction() as session:
        snapshot = await load(session, run.station_id, clock.now(), run.horizon_s)
    snapshot = supposed(snapshot, run.changes)
    watch.lap("loading")
    snapshot, found = await _found(planner, run, snapshot, watch)
    if not run.publish:
        async with planner.database.transaction() as session:
            await answer(session, run_id, found)
            await _timed(session, run_id, watch)
        return
    await _step(planner.database, run_id, "publishing")
    async with planner.database.transaction() as session:
        left_out = await publish(session, run_id, snapshot, found)
    watch.lap("publishing")
    if left_out:
        log.info("run %s: %d orders changed under the plan", run_id, len(left_out))
    done = await commit_due(planner, run.station_id)
    watch.lap("committing")
    async with planner.database.transaction() as session:
        await _timed(session, run_id, watch, **done.shown())


async def _timed(session: AsyncSession, run_id: UUID, watch: _Stopwatch, **more: object) -> None:
    run = await session.get_one(PlanningRun, run_id)
    run.step = "done"
    run.result = (run.result or {}) | more | {"timings_s": watch.laps}
    session.add(run)


async def _found(
    planner: Planner, run: PlanningRun, snapshot: Snapshot, watch: _Stopwatch
) -> tuple[Snapshot, Outcome]:
    """A plan ready to be written, and what it is of: as one problem if it fits, else in steps."""
    held = sum(len(crew.held) for crew in snapshot.crews)
    if not fits(len(snapshot.jobs) + held, len(snapshot.crews)):
        await _step(planner.database, run.id, "solving")
        searched = await search_by_stations(planner, run, snapshot)
        watch.lap("solving")
        whole, found = await tell_by_stations(planner, run, searched)
        watch.lap("merging")
        return whole, found
    solved = await _plan(planner, run, snapshot, watch)
    if not run.publish:
        return solved.snapshot, await _told(run, solved)
    solved, news = await merged(planner.database, planner.engine, solved, run.horizon_s)
    found = await _told(run, solved, merged=news.shown())
    watch.lap("merging")
    return solved.snapshot, found


async def _plan(
    planner: Planner, run: PlanningRun, snapshot: Snapshot, watch: _Stopwatch
) -> Solved:
    """From the snapshot to a checked plan; raises PlanRefused when it breaks a rule."""
    await _step(planner.database, run.id, "routing")
    layout = Layout.of(snapshot)
    roads = await roads_between(
        planner.engine, layout.places, chains(snapshot, layout), snapshot.at
    )
    watch.lap("routing")
    await _step(planner.database, run.id, "solving")
    problem = problem_of(snapshot, layout, roads, weights(run.changes))
    budget_s = run.budget_s
    if snapshot.danger_waits and run.trigger != "manual":
        budget_s = min(budget_s, policy.URGENT_BUDGET_S)
    plan = await planner.solver.solve(problem, budget_s, warm_start(snapshot))
    watch.lap("solving")
    await _step(planner.database, run.id, "checking")
    if violations := dispatch.check(problem, plan):
        log.error("ALERT run %s broke its rules: %s", run.id, violations)
        raise PlanRefused([violation.code for violation in violations])
    watch.lap("checking")
    return Solved(snapshot, layout, roads, problem, plan)


async def _told(run: PlanningRun, solved: Solved, **more: object) -> Outcome:
    """What is written of the plan, with the packed problem."""
    found = outcome(run.id, solved.snapshot, solved.layout, solved.roads, solved.plan)
    asked = Asked.of(solved.snapshot, solved.problem, solved.plan)
    body = await asyncio.to_thread(packed, asked)
    problem = _kept(run, asked, body) if body else None
    return replace(found, result=found.result | more, problem=problem)


def _kept(run: PlanningRun, asked: Asked, body: bytes) -> PlanningProblem:
    return PlanningProblem(
        run_id=run.id,
        station_id=run.station_id,
        publish=run.publish,
        planned=asked.planned,
        body=body,
    )


async def _start(database: Database, run_id: UUID) -> PlanningRun | None:
    """The run, now running; None when it ended before. Runs that a dead worker left are ended."""
    async with database.transaction() as session:
        run = await session.get_one(PlanningRun, run_id, with_for_update=True)
        if run.state not in ("queued", "running"):
            return None
        if run.publish:
            await repository.end_abandoned(session, run.station_id, run.id, clock.now())
        run.state, run.step, run.started_at = "running", "loading", clock.now()
        session.add(run)
        return run


async def _step(database: Database, run_id: UUID, step: str) -> None:
    async with database.transaction() as session:
        run = await session.get_one(PlanningRun, run_id)
        run.step = step
        session.add(run)


async def _fail(database: Database, run_id: UUID, error: Exception) -> None:
    async with database.transaction() as session:
        run = await session.get_one(PlanningRun, run_id, with_for_update=True)
        if run.state in (
            "published",
            "answered",
        ):  # only the commit step failed; the sweep repeats it
            return
        run.state, run.finished_at = "failed", clock.now()
        run.error = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        session.add(run)
        await tell(session, run)
