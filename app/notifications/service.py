"""Push addresses, acknowledgements and counts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.permissions import Permission
from app.core.scope import Principal, scoped
from app.notifications import alarms, news, repository
from app.notifications.errors import NoDevice
from app.notifications.models import PushAddress
from app.notifications.news import Untold
from app.organisation.models import Technician
from app.work_orders.models import WorkOrder


async def register_address(
    session: AsyncSession, principal: Principal, provider: str, kind: str, address: str
) -> PushAddress:
    """Make it the device's only live address at the provider; raises NoDevice."""
    if principal.device_id is None:
        raise NoDevice()
    return await repository.put_address(
        session,
        user_id=principal.id,
        device_id=principal.device_id,
        provider=provider,
        kind=kind,
        address=address,
        at=clock.now(),
    )


async def hear(
    session: AsyncSession,
    principal: Principal,
    held: feed.Cursor | None,
    reached: feed.Cursor,
) -> bool:
    """Acknowledge what the person's phone has: a cursor that it comes back with is its own word.

    What was only sent may have been lost on the way. `held` is the cursor it came with, None when
    it tells nothing of the crews of now. Returns whether the phone should come back at once with
    `reached`, since its answer tells of something that nobody has shown to know.
    """
    waiting = await news.untold(session, principal.id, principal.crew_ids)
    if waiting and held is not None:
        had = await news.told_up_to(session, waiting, held)
        await _acknowledge(session, principal.id, had)
        waiting = [each for each in waiting if each not in had]
    return bool(waiting) and bool(await news.told_up_to(session, waiting, reached))


async def acknowledge_order(session: AsyncSession, user_id: UUID, order_id: UUID) -> None:
    """A command named the order, so the person knows of it, and so does the crew they are in."""
    await _acknowledge(session, user_id, await news.untold_of(session, user_id, order_id))


async def _acknowledge(session: AsyncSession, user_id: UUID, told: Collection[Untold]) -> None:
    if told:
        now = clock.now()
        # Alarms before their messages, as who climbs and who takes an order away lock them.
        ended = {each.alarm_id for each in told if each.alarm_id is not None}
        await alarms.heard(session, ended, user_id, now)
        messages = [each.notification_id for each in told if each.notification_id is not None]
        await repository.acknowledge(session, messages, now)


@dataclass(frozen=True, slots=True)
class Counts:
    """How pushes fared; `attempts` per result of the provider, `dead` disowned addresses."""

    total: int
    sent: int
    queued: int
    moot: int
    no_address: int
    failed: int
    acknowledged: int
    accepted: int
    attempts: dict[str, int]
    dead: int


async def summary(session: AsyncSession, principal: Principal, since: datetime | None) -> Counts:
    """Counts over orders in scope, of messages created at or after `since`."""
    orders = scoped(principal, Permission.NOTIFICATIONS_READ, WorkOrder.station_id)
    people = scoped(principal, Permission.NOTIFICATIONS_READ, Technician.station_id)
    rows = await repository.counts_by_state(session, orders, since)
    by_state = {state: count for state, count, _acknowledged in rows}
    attempts = await repository.counts_by_result(session, orders, since)
    return Counts(
        total=sum(by_state.values()),
        sent=by_state.get("sent", 0),
        queued=by_state.get("queued", 0),
        moot=by_state.get("moot", 0),
        no_address=by_state.get("no_address", 0),
        failed=by_state.get("failed", 0),
        acknowledged=sum(heard for state, _count, heard in rows if state == "sent"),
        accepted=attempts.get("accepted", 0),
        attempts=attempts,
        dead=await repository.dead_addresses(session, people),
    )
