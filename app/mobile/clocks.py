"""Two clocks: what a phone's showed, what ours did, and when an act happened by ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.scope import Principal
from app.identity.models import Device
from app.mobile import flags, policy, repository, rules
from app.mobile.flags import Doubt
from app.mobile.models import ClockSample
from app.mobile.policy import Limits
from app.mobile.rules import Rules
from app.mobile.schemas import printable
from app.organisation import service as organisation

KEPT = timedelta(days=90)
EVERY = timedelta(minutes=5)
"""A look at a clock that shows nothing new is kept this often; it is also a proof of contact."""
LOOKS = 20
"""So many of the last are held against each other."""
MS = timedelta(milliseconds=1)
SAME_MS = 1_000
"""Skews that differ by less are one: the way there and back takes its time."""


@dataclass(frozen=True, slots=True)
class DeviceClock:
    """What a phone's clocks showed when it sent: wall time with its offset, and the steady one."""

    at: datetime | None
    """None for what is no time at all; `text` is what was said, word for word."""
    boot_id: str | None = None
    uptime_ms: int | None = None
    text: str = ""

    @property
    def offset_min(self) -> int | None:
        offset = self.at.utcoffset() if self.at else None
        return round(offset.total_seconds() / 60) if offset is not None else None


async def heard(session: AsyncSession, principal: Principal, shown: DeviceClock | None) -> None:
    """The phone spoke: its clock is compared with business time, and its technician is on line."""
    await looked_at(session, principal, shown)
    await on_line(session, principal)


async def looked_at(session: AsyncSession, principal: Principal, shown: DeviceClock | None) -> None:
    """Compare the phone's clock, under its device's lock as its commands run: before all else."""
    if principal.device_id is None:
        return
    await repository.lock_device(session, principal.device_id)
    now, skew_ms = clock.now(), None
    if shown is not None and shown.at is None:
        await strange(session, principal, {"shown": printable(shown.text)})
    elif shown is not None and shown.at is not None:
        skew_ms = await _compare(session, principal, principal.device_id, shown, shown.at, now)
    await repository.device_heard(session, principal.device_id, now, skew_ms)


async def on_line(session: AsyncSession, principal: Principal) -> None:
    """The phone's technician can be reached: after all else, as its commands note it."""
    if principal.technician_id is not None:
        await organisation.touch_presence(session, principal.technician_id, clock.now())


async def _compare(
    session: AsyncSession,
    principal: Principal,
    device_id: UUID,
    shown: DeviceClock,
    shown_at: datetime,
    now: datetime,
) -> int:
    """Keep the look when it tells something new; the skew as far as it is known now."""
    sample = ClockSample(
        device_id=device_id,
        user_id=principal.id,
        at=now,
        device_at=shown_at,
        skew_ms=policy.measured_skew_ms(shown_at, now),
        offset_min=shown.offset_min,
        boot_id=shown.boot_id,
        uptime_ms=shown.uptime_ms,
    )
    looks = await last_samples(session, device_id, principal.id)
    before = looks[0] if looks else None
    if before is None or _is_news(before, sample):
        session.add(sample)
        await session.flush()
        numbers = await rules.in_force(session)
        for doubt, key in doubts_of(before, sample, numbers):
            await flags.put(session, principal, None, doubt, key)
    recent = [each.skew_ms for each in looks if _is_recent(each, sample)]
    return policy.least_delayed_ms([sample.skew_ms, *recent])


async def strange(session: AsyncSession, principal: Principal, data: dict[str, Any]) -> None:
    """Tell the chief, once a day, of a clock that shows what no clock can."""
    key = f"{principal.device_id}:{clock.now():%Y%m%d}"
    await flags.put(session, principal, None, Doubt("clock_off", data), key)


def _is_news(before: ClockSample, sample: ClockSample) -> bool:
    return (
        abs(sample.skew_ms - before.skew_ms) > SAME_MS
        or (sample.offset_min, sample.boot_id) != (before.offset_min, before.boot_id)
        or sample.at - before.at >= EVERY
    )


def doubts_of(
    before: ClockSample | None, sample: ClockSample, numbers: Rules
) -> list[tuple[Doubt, str]]:
    """What a new look at the clock tells the chief, each with the key that makes it one flag."""
    found: list[tuple[Doubt, str]] = []
    if abs(sample.skew_ms) > numbers["clock_off_s"] * 1000:
        data: dict[str, Any] = {"skew_s": round((sample.device_at - sample.at).total_seconds())}
        found.append((Doubt("clock_off", data), f"{sample.device_id}:{sample.at:%Y%m%d}"))
    if before is None:
        return found
    key = f"{sample.device_id}:{sample.at.isoformat()}"
    moved_ms = _moved_ms(before, sample)
    if abs(moved_ms) > numbers["clock_jump_s"] * 1000:
        data = {"from_skew_s": round(before.skew_ms / 1000), "moved_s": round(moved_ms / 1000)}
        data |= {"last_seen_right_at": before.at.isoformat()}
        found.append((Doubt("clock_jump", data), key))
    if None not in (before.offset_min, sample.offset_min) and (
        before.offset_min != sample.offset_min
    ):
        data = {"from_offset_min": before.offset_min, "to_offset_min": sample.offset_min}
        found.append((Doubt("zone_changed", data), key))
    return found


def _moved_ms(before: ClockSample, sample: ClockSample) -> int:
    """By how much the clock was set between two looks; what the way took is no setting.

    The steady clock tells the two apart, where both looks are of one boot.
    """
    moved_ms = sample.skew_ms - before.skew_ms
    if sample.boot_id is None or sample.boot_id != before.boot_id:
        return moved_ms
    assert sample.uptime_ms is not None and before.uptime_ms is not None  # they come together
    ran_ms = (sample.uptime_ms - before.uptime_ms) * clock.pace()
    set_ms = round((sample.device_at - before.device_at).total_seconds() * 1000 - ran_ms)
    return min(moved_ms, set_ms, key=abs)


async def last_samples(
    session: AsyncSession, device_id: UUID, user_id: UUID, boot_id: str | None = None
) -> Sequence[ClockSample]:
    """The newest looks at the device's clock in this person's hands, of one boot if given."""
    query = (
        select(ClockSample)
        .where(ClockSample.device_id == device_id, ClockSample.user_id == user_id)
        .order_by(col(ClockSample.id).desc())
        .limit(LOOKS)
    )
    if boot_id is not None:
        query = query.where(ClockSample.boot_id == boot_id, col(ClockSample.uptime_ms).is_not(None))
    return (await session.exec(query)).all()


def steady_of(looks: Sequence[ClockSample], uptime_ms: int, pace: float) -> datetime | None:
    """When the steady clock showed `uptime_ms`, from looks of one boot, newest first."""
    if not looks:
        return None
    known = [each.at - timedelta(milliseconds=(each.uptime_ms or 0) * pace) for each in looks]
    recent = [at for at, each in zip(known, looks, strict=True) if _is_recent(each, looks[0])]
    ahead_ms = policy.least_delayed_ms([round((known[0] - at) / MS) for at in recent])
    at, was_ms = looks[0].at, looks[0].uptime_ms or 0
    return policy.steady_time(at, was_ms, uptime_ms, pace) - ahead_ms * MS


def _is_recent(look: ClockSample, newest: ClockSample) -> bool:
    return newest.at - look.at <= policy.RECENT


async def _skew_ms(session: AsyncSession, device: Device) -> int | None:
    """The device's skew; one that is years is read off the last look."""
    if device.skew_ms is None or not policy.is_cut(device.skew_ms):
        return device.skew_ms
    looks = await last_samples(session, device.id, device.user_id)
    return round((looks[0].device_at - looks[0].at) / MS) if looks else device.skew_ms


async def time_of(
    session: AsyncSession,
    device: Device,
    client_at: datetime,
    steady: tuple[str, int] | None,
    earliest: datetime | None,
    numbers: Rules,
) -> policy.Corrected:
    """When the act happened by our clock; `steady` is its (boot id, milliseconds).

    Also doubtful (`back_dated`): the phone was in touch well after the act, and well before now,
    without telling of it.
    """
    now = clock.now()
    steady_at = None
    if steady is not None:
        looks = await last_samples(session, device.id, device.user_id, steady[0])
        steady_at = steady_of(looks, steady[1], clock.pace())
    skew_ms = await _skew_ms(session, device)
    back_dated = timedelta(seconds=numbers["back_dated_s"])
    limits = Limits(
        clock_off=timedelta(seconds=numbers["clock_off_s"]),
        back_dated=back_dated,
        future=timedelta(seconds=numbers["future_s"]),
    )
    when = policy.corrected(client_at, skew_ms, earliest, now, limits, steady_at)
    if "back_dated" in when.doubts or not await _in_touch(
        session, device, when.at + back_dated, now - back_dated
    ):
        return when
    return when._replace(doubts=(*when.doubts, "back_dated"))


async def _in_touch(
    session: AsyncSession, device: Device, since: datetime, until: datetime
) -> bool:
    if since > until:
        return False
    found = await session.execute(
        text(
            "SELECT EXISTS (SELECT FROM device_clock_samples WHERE device_id = :device"
            " AND user_id = :user AND at BETWEEN :since AND :until)"
        ),
        {"device": device.id, "user": device.user_id, "since": since, "until": until},
    )
    return bool(found.scalar_one())


async def purge_samples(session: AsyncSession) -> None:
    """Forget looks at clocks after 90 days."""
    await session.execute(
        text("DELETE FROM device_clock_samples WHERE at < :before"), {"before": clock.now() - KEPT}
    )
