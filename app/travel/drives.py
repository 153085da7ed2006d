"""Turns the fixes of phones into drives: kilometres, and what they tell of speeds."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database
from app.organisation import service as organisation
from app.travel import drive_rows, policy, repository
from app.travel.models import Drive
from app.travel.tracks import (
    Run,
    Span,
    Spell,
    believed,
    moved,
    pieces,
    runs,
    segments,
    settled_until,
    united,
)
from routing import Fix, LegSource, Place, RoutingEngine, Trace, Vehicle
from routing.drives import SHORTEST_S
from routing.map_versions import current_dir

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Who was in which crew, and when crews were on their way."""

    members: Mapping[UUID, list[Any]]
    """Standing crew -> its memberships, in which the leader's is marked."""
    spells: Mapping[UUID, list[Spell]]


@dataclass(frozen=True, slots=True)
class _Look:
    """One look for new fixes."""

    database: Database
    engine: RoutingEngine
    scene: _Scene
    now: datetime
    lookback: timedelta
    has_roads: bool
    """Whether there is a map, here or elsewhere, that may answer again."""

    def waits_for_roads(self, segment: Sequence[Fix], drives: Collection[Drive]) -> bool:
        """Whether the segment is matched again later: the roads did not answer, and it is young."""
        estimated = any(drive.source == LegSource.ESTIMATE.value for drive in drives)
        young = segment[-1].at > self.now - policy.LATEST_BATCH
        return estimated and young and self.has_roads

    def since(self, matched: Collection[Span]) -> datetime:
        """From when fixes are read: the night fills holes, the day goes on where it ended."""
        since = self.now - max(self.lookback, policy.LONGEST_DRIVE)
        if self.lookback >= policy.LATEST_BATCH:
            return since
        return max([since, *(span.to_at for span in matched)])


async def take_in(database: Database, engine: RoutingEngine, *, lookback: timedelta) -> int:
    """Match what phones measured within `lookback` and nobody matched; returns drives stored.

    Each crew has transactions of its own, none of them open while roads are asked. A crew that
    fails is told, left for the next time, and does not hold up the others.
    """
    now = clock.now()
    async with database.transaction() as session:
        if not await repository.first_to(session, "drives"):
            return 0
        since = now - lookback
        moving = await organisation.technicians_with_fixes(session, since, now)
        scene = await _scene(session, moving, now - max(lookback, policy.LONGEST_DRIVE), now)
    look = _Look(database, engine, scene, now, lookback, _has_roads())
    stored = 0
    for crew_id in sorted(scene.members):
        try:
            stored += await _match_crew(look, crew_id)
        except Exception:
            log.exception("ALERT the drives of crew %s could not be matched", crew_id)
    return stored


def _has_roads() -> bool:
    chosen = settings.current()
    vehicle = Vehicle(chosen.vehicle)
    return bool(chosen.osrm_url) or current_dir(chosen.data_dir / "maps", vehicle) is not None


async def _scene(
    session: AsyncSession, technicians: Collection[UUID], since: datetime, now: datetime
) -> _Scene:
    rows = await drive_rows.members(session, technicians, since, now)
    members: dict[UUID, list[Any]] = defaultdict(list)
    crews_of: dict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        crews_of[row.technician_id].add(row.crew_id)
        if row.kind == "standing":
            members[row.crew_id].append(row)
    of_crew: dict[UUID, list[Spell]] = defaultdict(list)
    for row in await drive_rows.spells(session, since):
        spell = Spell(row.order_id, row.from_at, row.to_at, row.to_state == "ONSITE")
        of_crew[row.crew_id].append(spell)
    spells = {
        crew: sorted(
            {
                spell
                for member in people
                for each in crews_of[member.technician_id]
                for spell in of_crew.get(each, ())
            },
            key=lambda spell: spell.from_at,
        )
        for crew, people in members.items()
    }
    return _Scene(members, spells)


async def _match_crew(look: _Look, crew_id: UUID) -> int:
    members, spells = look.scene.members[crew_id], look.scene.spells[crew_id]
    async with look.database.transaction() as session:
        known = await drive_rows.spans(session, [crew_id], look.now - policy.NIGHT_LOOKS_BACK)
        matched = [Span(span.from_at, span.to_at) for span in known]
        until = settled_until(look.now, spells)
        phones = await _phones(session, members, look.since(matched), until)
    leader = next((row.technician_id for row in reversed(members) if row.role == "leader"), None)
    stored = 0
    for segment in segments(believed(phones, leader), matched):
        drives = await drives_in(look.engine, crew_id, segment, spells)
        if look.waits_for_roads(segment, drives):
            continue
        span = Span(segment[0].at, segment[-1].at)
        stored += await _store(look.database, crew_id, span, drives)
    return stored


async def _phones(
    session: AsyncSession, members: Collection[Any], since: datetime, until: datetime
) -> dict[UUID, list[Fix]]:
    """Technician -> good fixes of the time in the crew, in order."""
    found: dict[UUID, list[Fix]] = defaultdict(list)
    for row in members:
        first = max(since, row.since)
        last = min(until, row.until) if row.until else until
        if first >= last:
            continue
        for fix in await organisation.fixes(session, row.technician_id, first, last):
            if fix.accuracy_m <= policy.WORST_FIX_M and not fix.mocked:
                found[row.technician_id].append(
                    Fix(Place(fix.lon, fix.lat), fix.at, fix.accuracy_m)
                )
    return {who: sorted(fixes, key=lambda fix: fix.at) for who, fixes in found.items()}


async def drives_in(
    engine: RoutingEngine, crew_id: UUID, segment: Sequence[Fix], spells: Sequence[Spell]
) -> list[Drive]:
    """The drives of a segment, matched to roads and not stored; none where nobody moved."""
    found = []
    for run in runs(segment, spells):
        fixes = moved(run.fixes)
        traces = [await engine.match(piece) for piece in pieces(fixes)]
        drive = _summed(crew_id, run, [trace for trace in traces if trace.stretches])
        if drive is not None:
            drive.stretches = _told(fixes, traces) if drive.observed else None
            found.append(drive)
    return found


def _summed(crew_id: UUID, run: Run, traces: Sequence[Trace]) -> Drive | None:
    """The traces of one run as one drive; None when no road fits."""
    stretches = [stretch for trace in traces for stretch in trace.stretches]
    if not stretches:
        return None
    first = traces[0]
    sources = {trace.source for trace in traces}
    source = LegSource.ESTIMATE if LegSource.ESTIMATE in sources else LegSource.OSRM
    classes = _by_class([stretch.class_seconds for stretch in stretches])
    alike = {(trace.graph_version, trace.hour_bucket, trace.source) for trace in traces}
    taken_s = sum(stretch.taken_s for stretch in stretches)
    return Drive(
        crew_id=crew_id,
        kind="positions",
        order_id=run.spell.order_id if run.spell else None,
        started_at=stretches[0].left_at,
        ended_at=stretches[-1].reached_at,
        metres=round(sum(stretch.metres for stretch in stretches)),
        road_s=sum(stretch.road_s for stretch in stretches),
        taken_s=taken_s,
        class_seconds=classes,
        hour_bucket=first.hour_bucket.value,
        graph_version=first.graph_version,
        source=source.value,
        observed=classes is not None and len(alike) == 1 and _tells(run.spell, taken_s),
    )


def _told(fixes: Sequence[Fix], traces: Sequence[Trace]) -> list[list[float]]:
    """The stretches as `Drive.stretches` keeps them; a metre and a second are exact enough."""
    places = {fix.at: fix.place for fix in fixes}
    stretches = [stretch for trace in traces for stretch in trace.stretches]
    return [
        [
            *(round(each, 5) for each in (*places[one.left_at], *places[one.reached_at])),
            *(round(each) for each in (one.metres, one.taken_s, one.road_s)),
        ]
        for one in stretches[: policy.MOST_STRETCHES]
    ]


def _by_class(stretches: Sequence[tuple[float, ...] | None]) -> list[float] | None:
    known = [each for each in stretches if each is not None]
    if len(known) < len(stretches):
        return None
    return [sum(each) for each in zip(*known, strict=True)]


def _tells(spell: Spell | None, taken_s: float) -> bool:
    """Whether a run tells of speeds: most of a drive that ended at its order."""
    if spell is None or spell.to_at is None or not spell.arrived or taken_s < SHORTEST_S:
        return False
    return taken_s >= policy.LEAST_COVER * (spell.to_at - spell.from_at).total_seconds()


async def _store(database: Database, crew_id: UUID, span: Span, drives: Collection[Drive]) -> int:
    """Keep the drives and note that their time is matched; 0 when somebody did it meanwhile."""
    async with database.transaction() as session:
        await drive_rows.lock_track(session, crew_id)
        known = await drive_rows.spans(session, [crew_id], span.from_at)
        if any(each.from_at < span.to_at and span.from_at < each.to_at for each in known):
            return 0
        touching = [each for each in known if span.to_at >= each.from_at]
        whole = united([span, *(Span(each.from_at, each.to_at) for each in touching)])
        await drive_rows.replace_spans(session, crew_id, touching, whole)
        session.add_all(drives)
    return len(drives)
