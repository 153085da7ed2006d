"""Rows of orders as the planner's jobs: slots, bans, wishes, and what they bring."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import settings
from app.organisation.service import Capability
from app.payouts.expected import Expected
from app.planning import policy, snapshot_rows
from app.planning.earnings import income_of
from app.planning.snapshot import Elsewhere, Facts, Job, Published
from routing import Place

Window = tuple[datetime, datetime]
"""Earliest and latest start."""
Tolerances = Mapping[tuple[Any, ...], int]
"""What decides of it (`_profile_key`) -> seconds around an agreed slot."""


@dataclass(slots=True)
class Reading:
    """What the jobs of one snapshot need beside their rows."""

    at: datetime
    expected: Expected
    codes: Mapping[UUID, str]
    planned: Mapping[UUID, Published] = field(default_factory=dict)
    lost: Mapping[UUID, list[tuple[UUID, str, datetime]]] = field(default_factory=dict)
    tolerances: Tolerances = field(default_factory=dict)
    foreign: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    """Station -> crews beyond a contractor's border, which it may not ask."""


def elsewhere_of(row: Any, crew_code: str, reading: Reading) -> Elsewhere:
    """Its crew is decided by another plan, so neither pins nor bans speak here."""
    job = job_of(row, Reading(reading.at, reading.expected, {}))
    return Elsewhere(replace(job, wanted_crew=None), crew_code, row.position)


def opens_after(window: Window | None, instant: datetime) -> bool:
    return window is not None and window[0] > instant


async def read(
    session: AsyncSession,
    so_far: Reading,
    waiting: Collection[Any],
    able: Collection[Capability],
) -> Reading:
    lost: dict[UUID, list[tuple[UUID, str, datetime]]] = defaultdict(list)
    for row in await snapshot_rows.lost_assignments(session, [row.id for row in waiting]):
        lost[row.order_id].append((row.crew_id, row.ended_why, row.ended_at))
    wanted = {row.preferred_crew_id for row in waiting if row.preferred_crew_id}
    named = wanted | {crew.crew_id for crew in able}
    named |= {crew_id for each in lost.values() for crew_id, _, _ in each}
    tolerances = await slot_tolerances(session, waiting)
    codes = dict(so_far.codes)
    if unknown := named - codes.keys():
        codes |= await snapshot_rows.crew_codes(session, unknown)
    return replace(so_far, codes=codes, lost=lost, tolerances=tolerances)


async def slot_tolerances(session: AsyncSession, rows: Iterable[Any]) -> Tolerances:
    """What `window_of` needs for those of the rows that have a slot."""
    slots = {_profile_key(row) for row in rows if row.appointment_from is not None}
    return {
        key: (await catalogue.limits(session, *key)).get("SLOT", policy.SLOT_TOLERANCE_S)
        for key in slots
    }


def window_of(row: Any, tolerances: Tolerances, at: datetime) -> Window | None:
    """When the work may start by the row's slot, as `policy.start_window` has it."""
    slot = None
    if row.appointment_from is not None and row.appointment_to is not None:
        slot = (row.appointment_from, row.appointment_to)
    tolerance_s = tolerances.get(_profile_key(row), policy.SLOT_TOLERANCE_S)
    return policy.start_window(slot, tolerance_s, at, row.service_class)


def _profile_key(row: Any) -> tuple[UUID, str, str, str]:
    return row.service_profile_id, row.service_class, row.domain, row.zone


def job_of(row: Any, reading: Reading) -> Job:
    preferred = reading.codes.get(row.preferred_crew_id)
    planned = reading.planned.get(row.id)
    let_go = policy.banned(reading.lost.get(row.id, ()), reading.at)
    banned = {reading.codes[each] for each in let_go}
    banned |= reading.foreign.get(row.station_id, frozenset())
    pinned = preferred if row.pinned else None
    return Job(
        id=row.id,
        serial=row.serial,
        station_id=row.station_id,
        facts=facts_of(row),
        place=Place(row.lon, row.lat),
        building=str(row.building_id) if row.building_id else None,
        service_s=row.service_minutes * 60,
        skills=tuple((need["skill"], need["count"]) for need in row.skills),
        crew_size=row.crew_size,
        reported_at=row.reported_at,
        arrive_by=row.arrive_by,
        window=window_of(row, reading.tolerances, reading.at),
        vulnerable="vulnerable" in row.flags,
        pinned_crew=pinned,
        wanted_crew=planned.crew_code if planned else preferred,
        move_s=_move_s(planned, preferred, row.service_class, reading.at),
        # A dispatcher who pins the order to a crew knows what stands against it.
        forbidden_crews=frozenset(banned - {pinned}),
        income=income_of(reading.expected, row.fault_code, row.points, row.crew_size, row.zone),
    )


def _move_s(
    planned: Published | None, preferred: str | None, service_class: str, at: datetime
) -> int | None:
    """The price of a move where it is not the usual one.

    It is the usual one where the crew is the one wished for, and for danger, which is sent at once.
    """
    if planned is None or planned.crew_code == preferred or service_class == policy.DANGER:
        return None
    ahead_s = (planned.start_at - at).total_seconds()
    return policy.move_s(ahead_s, settings.current().commit_horizon_s)


def wishes(jobs: Iterable[Job], published: Collection[UUID]) -> list[Job]:
    """The orders; of those without a visit only so many want a crew as it may lose to others.

    A wish has a price like a visit, but is none: the limit of moves must not keep an order from
    everybody because the crew that had it before has no time.
    """
    wanting: Counter[str | None] = Counter()
    found = []
    for job in jobs:
        wish = job.wanted_crew if job.id not in published else None
        wanting[wish] += 1
        over = wish is not None and wanting[wish] > policy.MOST_MOVES
        found.append(replace(job, wanted_crew=None) if over else job)
    return found


def facts_of(row: Any) -> Facts:
    """The facts that a plan rests on, of a row that carries them."""
    return Facts(*(getattr(row, name) for name in Facts._fields))
