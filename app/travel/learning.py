"""Learns the city's speeds from four weeks of drives, by night, for the next map build."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database
from app.core.ids import new_id
from app.travel import drive_rows, known_speeds, policy
from app.travel.drives import take_in
from app.travel.models import LearningRun
from app.travel.visits import take_visits
from routing import (
    LEARNT_FILES,
    PRIORS,
    ROAD_CLASSES,
    HourBucket,
    RoutingEngine,
    SpeedProfile,
    Vehicle,
    store_profile,
)
from routing.drives import Drive, free_seconds
from routing.learning import Learned, learn

log = logging.getLogger(__name__)


async def learn_by_night(database: Database, engine: RoutingEngine) -> LearningRun | None:
    """Learn once per night, between 02:30 and 05:00 by the company's clock; None otherwise.

    First what phones sent late is matched, as far back as positions are taken.
    """
    local = clock.now().astimezone(settings.current().zone)
    if not policy.NIGHT[0] <= local.time() < policy.NIGHT[1]:
        return None
    async with database.transaction() as session:
        if await drive_rows.has_learnt(session, local.date()):
            return None
    await observe(database, engine, lookback=policy.LATEST_BATCH)
    async with database.transaction() as session:
        await drive_rows.forget_spans(session, clock.now() - 2 * policy.LATEST_BATCH)
    return await learn_speeds(database, trigger="nightly")


async def observe(database: Database, engine: RoutingEngine, *, lookback: timedelta) -> None:
    """Take in drives and visits, and keep the speeds of the maps that they were matched on."""
    await take_in(database, engine, lookback=lookback)
    await take_visits(database, engine, lookback=lookback)
    async with database.transaction() as session:
        versions = await drive_rows.versions(session, clock.now() - lookback - policy.LATEST_BATCH)
    known_speeds.keep(settings.current().data_dir / "maps", versions)


async def learn_speeds(database: Database, *, trigger: str = "manual") -> LearningRun | None:
    """One run; None when this night's was begun by somebody already.

    A run that fails says so on its row, and raises.
    """
    now = clock.now()
    day = now.astimezone(settings.current().zone).date()
    async with database.transaction() as session:
        run_id = await _claim(session, day, trigger, now)
        if run_id is None:
            return None
        rows = await drive_rows.observations(session, now - policy.LEARNT_FROM)
    try:
        vehicle = Vehicle(settings.current().vehicle)
        maps_dir = settings.current().data_dir / "maps"
        found = await asyncio.to_thread(_learn, rows, maps_dir, vehicle, day)
    except Exception as error:
        found = {"outcome": "failed", "detail": {"error": f"{type(error).__name__}: {error}"[:500]}}
        await _finish(database, run_id, found)
        raise
    return await _finish(database, run_id, found)


async def _claim(session: AsyncSession, day: date, trigger: str, now: datetime) -> Any:
    statement = (
        insert(LearningRun)
        .values(id=new_id(), day=day, trigger=trigger, started_at=now)
        .on_conflict_do_nothing()
        .returning(col(LearningRun.id))
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def _finish(database: Database, run_id: Any, found: dict[str, Any]) -> LearningRun:
    async with database.transaction() as session:
        run = await session.get_one(LearningRun, run_id)
        for name, value in found.items():
            setattr(run, name, value)
        run.finished_at = clock.now()
        session.add(run)
    log.info("learning of speeds: %s from %s drives", run.outcome, run.drives)
    return run


def _learn(rows: Sequence[Any], maps_dir: Path, vehicle: Vehicle, day: date) -> dict[str, Any]:
    """What the run's row says; writes the speed file when it is worth a new map.

    The limits hold against the speeds of before any learning, night after night.
    """
    prior, file = PRIORS[vehicle], LEARNT_FILES[vehicle]
    drives = list(_drives(rows, maps_dir, prior))
    found: dict[str, Any] = {"drives": len(drives), "outcome": "too_few"}
    if len(drives) < policy.FEWEST_DRIVES:
        return found
    learned = learn(drives, prior, learnt_on=day)
    found |= {
        "drives": learned.used,
        "error_before_s": learned.error_before,
        "error_after_s": learned.error_after,
        "detail": _detail(learned),
        "outcome": "no_better",
    }
    if learned.used < policy.FEWEST_DRIVES:
        return found | {"outcome": "too_few"}
    if learned.error_after >= learned.error_before:
        return found
    maps_dir.mkdir(parents=True, exist_ok=True)
    store_profile(learned.profile, maps_dir / file)
    return found | {"outcome": "written", "file": file}


def _drives(rows: Sequence[Any], maps_dir: Path, prior: SpeedProfile) -> Iterable[Drive]:
    """The observations of maps whose speeds are known, as seconds at the prior's free speeds."""
    versions = {row.graph_version for row in rows}
    built = {version: known_speeds.known(maps_dir, version) for version in versions}
    for row in rows:
        profile = built[row.graph_version]
        if profile is None or len(row.class_seconds) != len(ROAD_CLASSES):
            continue
        bucket = HourBucket(row.hour_bucket)
        free = free_seconds(profile, bucket, row.class_seconds)
        seconds = tuple(
            each * share for each, share in zip(free, _shares(profile, prior), strict=True)
        )
        if sum(seconds) > 0:
            yield Drive(bucket, seconds, row.taken_s)


def _shares(profile: SpeedProfile, prior: SpeedProfile) -> list[float]:
    """By class: how much longer the way takes at the prior's free speed than at this map's."""
    return [profile.speeds_kmh[road] / prior.speeds_kmh[road] for road in ROAD_CLASSES]


def _detail(learned: Learned) -> dict[str, Any]:
    return {
        "profile": learned.profile.name,
        "drives_by_bucket": {b.value: n for b, n in learned.drives_by_bucket.items()},
        "spread_by_bucket": {b.value: list(s) for b, s in learned.spread_by_bucket.items()},
    }
