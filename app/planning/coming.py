"""Shifts that have yet to begin, as crews of their own: what a slot of tomorrow is planned on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import settings
from app.organisation import service as organisation
from app.organisation.service import Capability
from app.planning import snapshot_rows
from app.planning.earnings import incomes
from app.planning.load import rests_of
from app.planning.snapshot import CrewNow, Job, Snapshot
from routing import Place


@dataclass(frozen=True, slots=True)
class Ahead:
    """A snapshot with coming shifts; `code_of` says whose shift a crew of it is."""

    snapshot: Snapshot
    code_of: dict[str, str]


async def with_coming_shifts(
    session: AsyncSession, snapshot: Snapshot, stations: Collection[UUID], until: datetime
) -> Ahead:
    """Add every shift that begins before `until`, with who will be in the crew by then.

    Nobody need be on line for it yet. A crew starts at its station, with nothing in its hands.
    """
    found: dict[str, CrewNow] = {}
    code_of = {crew.code: crew.code for crew in snapshot.crews}
    able: dict[object, dict[UUID, Capability]] = {}
    earned: dict[object, Mapping[UUID, int]] = {}
    zone = settings.current().zone
    for row in await snapshot_rows.coming_shifts(session, stations, snapshot.at, until):
        begins = row.starts_at.astimezone(zone)
        if begins.date() not in able:
            then = await organisation.capabilities(session, stations, row.starts_at)
            able[begins.date()] = {each.crew_id: each for each in then}
            earned[begins.date()] = await incomes(session, then, snapshot.at)
        crew = able[begins.date()].get(row.crew_id)
        if crew is None or crew.size == 0:
            continue
        code = f"{row.code} {begins:%m-%d %H:%M}"
        code_of[code] = row.code
        found[code] = CrewNow(
            id=row.crew_id,
            code=code,
            station_id=crew.station_id,
            place=Place(row.lon, row.lat),
            shift=(row.starts_at, row.ends_at),
            rests=tuple(rests_of(row.breaks, snapshot.at)),
            skills=crew.skills,
            size=crew.size,
            load_s=0,
            held=(),
            income=earned[begins.date()][row.crew_id],
        )
    coming = tuple(found.values())
    jobs = tuple(_on_its_shift(job, coming, code_of) for job in snapshot.jobs)
    return Ahead(replace(snapshot, jobs=jobs, crews=(*snapshot.crews, *coming)), code_of)


def _on_its_shift(job: Job, coming: Sequence[CrewNow], code_of: dict[str, str]) -> Job:
    """A pin, or the wish for a crew, speaks of the shift in which the agreed slot opens."""
    if job.window is None:
        return job
    opens = job.window[0]
    names = {
        code_of[crew.code]: crew.code for crew in coming if crew.shift[0] <= opens < crew.shift[1]
    }
    pinned, wanted = job.pinned_crew, job.wanted_crew
    return replace(
        job,
        pinned_crew=names.get(pinned, pinned) if pinned else None,
        wanted_crew=names.get(wanted, wanted) if wanted else None,
    )
