"""The ledger: lines of pay that only grow, chained per technician.

Each keeps among its inputs the settlement unit under which it was earned: a technician who moves
on does not move a closed month.

Heads are locked in ascending technician id, so that two transactions that pay the same people
wait for each other and never for both at once. An entry is known by (order, rule, person, cause):
appended again, it adds nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.organisation import service as organisation
from app.payouts import policy, repository
from app.payouts.chaining import chained
from app.payouts.drafts import Draft
from app.payouts.models import LedgerEntry
from app.work_orders import service as work_orders


async def open_month(session: AsyncSession, wanted: str) -> str:
    """`wanted`, or the first later month that is not published yet.

    Until the transaction ends no month can be published under it.
    """
    return policy.open_month(wanted, await repository.closed_months(session))


async def locked_lines(session: AsyncSession, order_ids: Collection[UUID]) -> Sequence[LedgerEntry]:
    """All lines of orders, read under the orders' row locks, which are taken in id order.

    Whoever takes back what is left of a line asks for it here, and before `open_month`: two who
    read the same lines at once would take it back twice. Raises NotFound.
    """
    for order_id in sorted(order_ids):
        await work_orders.locked_any(session, order_id)
    return await repository.entries_of(session, order_ids)


async def append(session: AsyncSession, drafts: Sequence[Draft]) -> list[LedgerEntry]:
    """Append the entries that are new, and return these.

    A draft that stands already is left out; raises EntryDiffers when what stands is other.
    """
    heads = await repository.locked_heads(session, {draft.technician_id for draft in drafts})
    units = await _units(session, heads)
    standing = await repository.entries_of(session, {draft.order_id for draft in drafts})
    added = chained(drafts, standing, heads, units, clock.now())
    for entry in added:
        session.add(entry)
        # One flush per entry: identity numbers then follow the chain.
        await session.flush()
    return added


async def _units(session: AsyncSession, technicians: Collection[UUID]) -> dict[UUID, str]:
    of_station = await organisation.settlement_units(session)
    stations = await repository.stations_of(session, technicians)
    return {who: of_station[station] for who, station in stations.items()}


async def confirm(
    session: AsyncSession, order_id: UUID, *, why: str, at: datetime, by: UUID | None
) -> Collection[int]:
    """Mark the order's lines as confirmed; returns the entries that were not before.

    Waits while a month is closed: what that found undecided must not be decided meanwhile.
    """
    await repository.closed_months(session)
    entries = await repository.entries_of(session, {order_id})
    found = sorted(each.id for each in entries if each.id is not None)
    return await repository.add_standings(session, found, "confirmed", why=why, at=at, by=by)


async def confirm_lines(
    session: AsyncSession,
    entries: Sequence[LedgerEntry],
    *,
    why: str,
    at: datetime,
    by: UUID | None,
) -> None:
    """Mark lines as confirmed that a person, or the closing of a month, decided."""
    found = sorted(each.id for each in entries if each.id is not None)
    await repository.add_standings(session, found, "confirmed", why=why, at=at, by=by)
