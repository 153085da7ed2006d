"""Where plans of different stations meet on one crew: what the later of two publishers does."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.planning import repository, snapshot_rows
from app.planning.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Borders:
    """What a plan may put in force, seen under the locks of all stations it touches."""

    stations: frozenset[UUID]
    """Stations whose plan it replaces; those with a newer one keep that."""
    busy: frozenset[UUID]
    """Lent crews, and crews of stations with a newer plan, that have got other work meanwhile: no
    visit of theirs is published."""


async def settled(
    session: AsyncSession,
    snapshot: Snapshot,
    served: set[str],
) -> Borders:
    """Take the locks, and settle what two plans want of the same crew.

    A crew's own station comes first. Another station's visit that its plan does not know of, or
    cannot keep, is taken out and that station planned again; a crew that is lent, or whose station
    has a newer plan, is given nothing when it has work that this plan does not know of. `served`
    are all orders that have a visit in the plan.
    """
    own = frozenset(snapshot.dirty_seqs)
    await repository.lock_plans(session, own | {crew.station_id for crew in snapshot.crews})
    newer = await repository.planned_after(session, own, snapshot.at)
    stations = own - newer
    elsewhere = {crew.id for crew in snapshot.crews if crew.lent or crew.station_id in newer}
    crews = {crew.id for crew in snapshot.crews}
    known = {each.job.id for each in snapshot.elsewhere if each.job.serial in served}
    heard = {each.job.id for each in snapshot.elsewhere}
    busy: set[UUID] = set()
    for row in await snapshot_rows.visits_elsewhere(session, crews, stations):
        if row.crew_id in elsewhere:
            if row.id not in heard:
                busy.add(row.crew_id)
        elif row.id not in known:
            await _send_home(session, row)
    return Borders(stations=stations, busy=frozenset(busy))


async def _send_home(session: AsyncSession, row: Any) -> None:
    """Another station's visit gives way to the crew's own station."""
    await repository.forget(session, row.id)
    await repository.raise_dirty(session, row.station_id)
