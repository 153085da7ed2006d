"""Where technicians were while they were at work: taken in from phones, read by other rooms.

Off shift nothing is kept (DOMAIN D12), and what is kept is forgotten after 30 days.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.organisation import position_store
from app.organisation.attendance import touch_presence
from app.organisation.position_store import FixRow, Span, StampedFix

FUTURE = timedelta(seconds=60)
"""How far a corrected time may lie ahead of ours."""
OLDEST = timedelta(hours=48)
WORST_ACCURACY_M = 500.0
WORST_PRESENCE_M = 100.0
"""A fix that is less accurate is kept, and steers nobody: dispatch and arrivals go by presence."""
KEPT = timedelta(days=30)

Refusal = Literal["future", "too_old", "inaccurate", "off_shift"]


@dataclass(frozen=True, slots=True)
class Fix:
    """One measurement of a phone: its own time, WGS-84 degrees, metres."""

    client_at: datetime
    lon: float
    lat: float
    accuracy_m: float
    mocked: bool


@dataclass(slots=True)
class Taken:
    """What became of a batch; together the numbers are the fixes that were sent."""

    stored: int = 0
    repeated: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)


def refusal(
    at: datetime, accuracy_m: float, now: datetime, spans: Collection[Span]
) -> Refusal | None:
    """Why a fix of the corrected time `at` is not kept, or None when it is.

    `spans` are the technician's attendances, both ends included.
    """
    if at > now + FUTURE:
        return "future"
    if at < now - OLDEST:
        return "too_old"
    if accuracy_m > WORST_ACCURACY_M:
        return "inaccurate"
    at = min(at, now)
    if not any(s.began_at <= at and (s.ended_at is None or at <= s.ended_at) for s in spans):
        return "off_shift"
    return None


async def take_in(
    session: AsyncSession,
    technician_id: UUID,
    device_id: UUID | None,
    fixes: Sequence[Fix],
    *,
    sent_at: datetime | None = None,
) -> Taken:
    """Keep what was measured at work, each measurement once; the newest says where they are.

    Times are corrected by the device's skew and never lie after now. `sent_at`, the phone's clock
    when it sent, tells the skew of a device whose sync has measured none yet.
    """
    now = clock.now()
    skew = await position_store.skew(session, device_id)
    if skew is None:
        skew = sent_at - now if sent_at is not None else timedelta(0)
    spans = await position_store.spans_at_work(session, technician_id, now - OLDEST)
    taken, good = Taken(), dict[datetime, StampedFix]()
    for fix in fixes:
        at = fix.client_at - skew
        why = refusal(at, fix.accuracy_m, now, spans)
        if why is not None:
            taken.refused[why] += 1
            continue
        row = FixRow(min(at, now), fix.lon, fix.lat, fix.accuracy_m, fix.mocked)
        good.setdefault(fix.client_at, StampedFix(fix.client_at, row))
    if good:
        taken.stored = await position_store.store(session, technician_id, good.values(), now)
    taken.repeated = len(fixes) - taken.stored - taken.refused.total()
    await _note_presence(session, technician_id, now, spans, [each.fix for each in good.values()])
    return taken


async def _note_presence(
    session: AsyncSession,
    technician_id: UUID,
    now: datetime,
    spans: Collection[Span],
    fixes: Collection[FixRow],
) -> None:
    """The phone is on line; where it is says the newest good fix since the last clock-in."""
    since = next((span.began_at for span in spans if span.ended_at is None), None)
    if since is None:
        return
    good = (fix for fix in fixes if fix.at >= since and _says_where(fix))
    newest = max(good, key=lambda fix: fix.at, default=None)
    if newest is None:
        await touch_presence(session, technician_id, now)
    else:
        place = (newest.lon, newest.lat)
        await touch_presence(session, technician_id, now, place, measured_at=newest.at)


def _says_where(fix: FixRow) -> bool:
    return not fix.mocked and fix.accuracy_m <= WORST_PRESENCE_M


async def fixes(
    session: AsyncSession, technician_id: UUID, since: datetime, until: datetime
) -> list[FixRow]:
    """The technician's fixes with `since` <= at < `until`, strictly ascending in time."""
    return await position_store.between(session, technician_id, since, until)


async def technicians_with_fixes(
    session: AsyncSession, since: datetime, until: datetime
) -> list[UUID]:
    """Technicians with a fix in `since` <= at < `until`, by id."""
    return await position_store.technicians_between(session, since, until)


async def purge_positions(session: AsyncSession) -> None:
    """Forget fixes that are older than 30 days."""
    await position_store.forget_before(session, clock.now() - KEPT)
