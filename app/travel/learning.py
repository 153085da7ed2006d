"""Learns the city's speeds from four weeks of drives, by night, for the next map build."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    await observe(database, engine, lookback=policy.NIGHT_LOOKS_BACK)
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
    """What the run's row says; writes the speed file when it is better than the speeds in use.

    The limits hold against the speeds of before any learning, night after night.
    """
    prior, in_use = known_speeds.base(maps_dir, vehicle), known_speeds.in_use(maps_dir, vehicle)
    understood = _understood(rows, maps_dir, prior)
    found: dict[str, Any] = {"drives": len(understood.drives), "detail": understood.detail()}
    if len(understood.drives) < policy.FEWEST_DRIVES:
        return found | {"outcome": understood.why_too_few()}
    learned = learn(understood.drives, prior, learnt_on=day)
    before_s = learned.error_before
    if in_use is not None and in_use != prior:
        with_it = _understood(rows, maps_dir, in_use).drives
        before_s = learn(with_it, in_use, learnt_on=day).error_before
    found |= {
        "drives": learned.used,
        "error_before_s": before_s,
        "error_after_s": learned.error_after,
        "detail": _detail(learned) | understood.detail(),
    }
    if learned.used < policy.FEWEST_DRIVES:
        return found | {"outcome": "too_few"}
    if learned.error_after >= before_s:
        return found | {"outcome": "no_better"}
    file = LEARNT_FILES[vehicle]
    maps_dir.mkdir(parents=True, exist_ok=True)
    store_profile(learned.profile, maps_dir / file)
    return found | {"outcome": "written", "file": file}


@dataclass(slots=True)
class _Understood:
    """Drives as seconds at the prior's free speeds, and how many say nothing, by why."""

    drives: list[Drive] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def why_too_few(self) -> str:
        """Nobody waits for more drives when it is the map that is not understood."""
        unknown = self.left_out["speeds_unknown"] > len(self.drives)
        return "speeds_unknown" if unknown else "too_few"

    def detail(self) -> dict[str, Any]:
        return {"left_out": dict(self.left_out)}


def _understood(rows: Sequence[Any], maps_dir: Path, prior: SpeedProfile) -> _Understood:
    """The observations of maps whose speeds are known, and whose hours are the prior's."""
    built = {
        version: known_speeds.known(maps_dir, version)
        for version in {row.graph_version for row in rows}
    }
    found = _Understood()
    for row in rows:
        profile = built[row.graph_version]
        if profile is None or len(row.class_seconds) != len(ROAD_CLASSES):
            found.left_out["speeds_unknown"] += 1
        elif _hours(profile) != _hours(prior):
            found.left_out["other_hours"] += 1
        elif (drive := observation(row, profile, prior)) is not None:
            found.drives.append(drive)
    return found


def _hours(profile: SpeedProfile) -> tuple[tuple[int, int], ...]:
    """Which hours a bucket means: the morning peak of one profile may be the day of another."""
    return profile.morning_peak, profile.evening_peak, profile.night


def observation(row: Any, profile: SpeedProfile, prior: SpeedProfile) -> Drive | None:
    """What a stored drive of a map that was built with `profile` says at the prior's free speeds.

    None when it was on no road.
    """
    bucket = HourBucket(row.hour_bucket)
    free = free_seconds(profile, bucket, row.class_seconds)
    shares = _shares(profile, prior)
    seconds = tuple(each * share for each, share in zip(free, shares, strict=True))
    return Drive(bucket, seconds, row.taken_s) if sum(seconds) > 0 else None


def _shares(profile: SpeedProfile, prior: SpeedProfile) -> list[float]:
    """By class: how much longer the way takes at the prior's free speed than at this map's."""
    return [profile.speeds_kmh[road] / prior.speeds_kmh[road] for road in ROAD_CLASSES]


def _detail(learned: Learned) -> dict[str, Any]:
    return {
        "profile": learned.profile.name,
        "drives_by_bucket": {b.value: n for b, n in learned.drives_by_bucket.items()},
        "spread_by_bucket": {b.value: list(s) for b, s in learned.spread_by_bucket.items()},
    }
