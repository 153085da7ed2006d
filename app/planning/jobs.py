"""The planner's background jobs.

The planning unit is the station that an order belongs to, with all below it: for the usual leaf
station that keeps problems small and their searches short. A larger unit is planned by hand
through `POST /planning-runs`, for any station of the tree.

A run of several stations, or one that somebody gave more than the usual seconds, can take
minutes: it has a queue and a solver of its own (`LARGE`), so that no other station waits for it.

What makes a plan stale leaves a wish with the business transaction (`wishes`). Gathering them
queues the locked `run_plan`, in a transaction of its own: a queueing lock taken in a business
transaction would make intake wait for intake.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta
from uuid import UUID

from procrastinate import JobContext
from procrastinate.exceptions import AlreadyEnqueued
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, jobs, settings
from app.core.db import Database
from app.organisation import service as organisation
from app.planning import commit, danger, policy, repository, run
from app.planning.context import Planner
from app.planning.models import PlanningRun

log = logging.getLogger(__name__)
QUEUE = "planning"
"""Served one job at a time: searches share one process."""
LARGE = "large"
"""Served one job at a time, by a process of its own that lives no longer than the job."""
LargePlanner = Callable[[], AbstractAsyncContextManager[Planner]]
"""`additional_context["large"]`: opens a planner with a solver for one run."""
COMMITS_FIRST = 1
"""Priority of what only sends: it passes by the plans that wait, of whatever station."""
QUESTIONS = "questions"
"""Runs that only answer "what if": by a process of their own, so that no plan waits for them."""
URGENT = "urgent"
"""Danger: no search, so it waits for none."""


@jobs.app.task(name="planning.run", queue=QUEUE, pass_context=True)
async def run_plan(context: JobContext, station_id: str, run_id: str | None = None) -> None:
    """Plan the station: the run asked for, or a new one if its plan is still behind.

    A large one is handed on (`run_large`). A run that fails says so on its row and in the log; the
    sweep asks again.
    """
    planner: Planner = context.additional_context["planner"]
    if await _is_large(planner.database, station_id, run_id):
        await _hand_on(planner.database, station_id, run_id)
    else:
        await _run(planner, station_id, run_id)


@jobs.app.task(name="planning.large", queue=LARGE, pass_context=True)
async def run_large(context: JobContext, station_id: str, run_id: str | None = None) -> None:
    """What `run_plan` promises, in a process that is started for it and ends with it."""
    opened: LargePlanner = context.additional_context["large"]
    async with opened() as planner:
        await _run(planner, station_id, run_id)


async def _run(planner: Planner, station_id: str, run_id: str | None) -> None:
    if run_id is not None:
        wanted: UUID | None = UUID(run_id)
    else:
        wanted = await run.begin_if_behind(planner.database, UUID(station_id))
    if wanted is None:
        return
    try:
        await run.execute(planner, wanted)
    except Exception:
        log.exception("ALERT planning run %s of station %s failed", wanted, station_id)


async def _is_large(database: Database, station_id: str, run_id: str | None) -> bool:
    """Whether it is of several stations, or was given more than the usual seconds."""
    async with database.transaction() as session:
        if len(await organisation.subtree(session, UUID(station_id))) > 1:
            return True
        asked = await session.get(PlanningRun, UUID(run_id)) if run_id else None
        return asked is not None and asked.budget_s > settings.current().plan_budget_s


async def _hand_on(database: Database, station_id: str, run_id: str | None) -> None:
    """Queue it with the station's lock, behind the job that hands it on."""
    lock = lock_of(UUID(station_id))
    async with database.transaction() as session:
        await jobs.defer(session, run_large, lock=lock, station_id=station_id, run_id=run_id)


@jobs.app.task(name="planning.what_if", queue=QUESTIONS, pass_context=True)
async def answer_what_if(context: JobContext, station_id: str, run_id: str) -> None:
    """Answer what a plan would be; a failure says so on the run's row and in the log."""
    planner: Planner = context.additional_context["planner"]
    try:
        await run.execute(planner, UUID(run_id))
    except Exception:
        log.exception("ALERT what-if run %s of station %s failed", run_id, station_id)


@jobs.app.task(name="planning.commit", queue=QUEUE, pass_context=True, priority=COMMITS_FIRST)
async def commit_visits(context: JobContext, station_id: str) -> None:
    """Send what became due since the last run, without planning anew."""
    planner: Planner = context.additional_context["planner"]
    await commit.commit_due(planner, UUID(station_id))


@jobs.app.task(name="planning.danger", queue=URGENT, pass_context=True)
async def send_danger(context: JobContext, order_id: str) -> None:
    """Send a danger order by insertion into the plan in force.

    It never fails the order: whatever goes wrong, the full run that was asked for beside it plans
    the order as any other.
    """
    planner: Planner = context.additional_context["planner"]
    try:
        await danger.dispatch_danger(planner, UUID(order_id))
    except Exception:
        log.exception("ALERT danger order %s could not be sent at once", order_id)


@jobs.app.task(name="planning.wake", queue="default", pass_context=True)
async def wake(context: JobContext, station_id: str) -> None:
    """The interval between two plans, or danger's time for its insertion, is over."""
    await queue_run(context.additional_context["database"], UUID(station_id))


def lock_of(station_id: UUID) -> str:
    """One run or commit at a time per station."""
    return f"plan-{station_id}"


def danger_lock_of(station_id: UUID) -> str:
    """Two dangers of a station one after the other: the second must know of the first."""
    return f"danger-{station_id}"


async def queue_run(database: Database, station_id: UUID, *, patient: bool = False) -> None:
    """Queue a run unless one waits already; not before the interval is over, danger excepted.

    A patient run gives danger that is being inserted `DANGER_FIRST_S` first. A waiting job blocks
    all later ones of its lock even before its time has come, so what is scheduled is an unlocked
    `wake`.
    """
    async with database.transaction() as session:
        at, name = await _turn(session, station_id, patient=patient)
    await _queue(database, station_id, at, name)


async def run_waits(session: AsyncSession, station_id: UUID) -> bool:
    """Whether a patient run that would be queued now waits already, for this transaction then."""
    _, name = await _turn(session, station_id, patient=True)
    return await jobs.waits(session, name)


async def _turn(
    session: AsyncSession, station_id: UUID, *, patient: bool
) -> tuple[datetime | None, str]:
    """When the next run may begin, None for now, and the queueing lock of what is queued for it."""
    if await repository.danger_waits(session, station_id):
        if not patient or not await jobs.under_way(session, danger_lock_of(station_id)):
            return None, lock_of(station_id)
        first = timedelta(seconds=policy.DANGER_FIRST_S * clock.pace())
        return clock.now() + first, f"wake-danger-{station_id}"
    at = _not_before(await repository.last_started(session, station_id))
    return at, lock_of(station_id) if at is None else f"wake-{station_id}"


async def _queue(database: Database, station_id: UUID, at: datetime | None, name: str) -> None:
    with suppress(AlreadyEnqueued):
        async with database.transaction() as session:
            await jobs.defer(
                session,
                run_plan if at is None else wake,
                lock=lock_of(station_id) if at is None else None,
                queueing_lock=name,
                at=at,
                station_id=str(station_id),
            )


def _not_before(last: datetime | None) -> datetime | None:
    if last is None:
        return None
    earliest = last + timedelta(seconds=settings.current().plan_min_interval_s)
    return earliest if earliest > clock.now() else None


async def queue_commit(database: Database, station_id: UUID) -> None:
    """Queue a commit-only pass unless one waits already."""
    with suppress(AlreadyEnqueued):
        async with database.transaction() as session:
            await jobs.defer(
                session,
                commit_visits,
                lock=lock_of(station_id),
                queueing_lock=f"commit-{station_id}",
                station_id=str(station_id),
            )
