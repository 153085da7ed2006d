"""The ledger: lines of pay that only grow, chained per technician.

Each keeps among its inputs the settlement unit under which it was earned: a technician who moves
on does not move a closed month.

Heads are locked in ascending technician id, so that two transactions that pay the same people
wait for each other and never for both at once. An entry is known by (order, rule, person, cause):
appended again, it adds nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.chain import chained_hash
from app.organisation import service as organisation
from app.payouts import policy, repository
from app.payouts.drafts import Draft
from app.payouts.errors import EntryDiffers
from app.payouts.models import UNIT, LedgerEntry, LedgerHead
from app.work_orders import service as work_orders

CHAINED = (*Draft.__dataclass_fields__, "seq", "created_at")
"""The columns that an entry's hash covers."""


def hash_of(entry: LedgerEntry) -> str:
    """What the entry's `hash` must be, from its own columns and `prev_hash`."""
    return chained_hash(entry.prev_hash, {name: getattr(entry, name) for name in CHAINED})


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
    drafts = sorted(drafts, key=lambda draft: (draft.technician_id, draft.rule, draft.cause))
    heads = await repository.locked_heads(session, {draft.technician_id for draft in drafts})
    units = await _units(session, heads)
    standing = await repository.entries_of(session, {draft.order_id for draft in drafts})
    known = {(each.order_id, each.rule, each.technician_id, each.cause): each for each in standing}
    added = []
    for draft in drafts:
        if (before := known.get(draft.key)) is not None:
            _require_same(draft, before)
            continue
        entry = _chained(draft, heads[draft.technician_id], clock.now(), units)
        session.add(entry)
        # One flush per entry: identity numbers then follow the chain.
        await session.flush()
        known[draft.key] = entry
        added.append(entry)
    return added


async def _units(session: AsyncSession, technicians: Collection[UUID]) -> dict[UUID, str]:
    of_station = await organisation.settlement_units(session)
    stations = await repository.stations_of(session, technicians)
    return {who: of_station[station] for who, station in stations.items()}


def _require_same(draft: Draft, entry: LedgerEntry) -> None:
    """Unit and month are those of the first time, whatever they would be now."""
    unit = {UNIT: entry.inputs[UNIT]} if UNIT in entry.inputs else {}
    wanted = asdict(draft) | {"inputs": draft.inputs | unit, "period": entry.period}
    differing = sorted(name for name, value in wanted.items() if getattr(entry, name) != value)
    if differing:
        raise EntryDiffers(f"ledger entry {entry.id} stands with other {', '.join(differing)}")


def _chained(
    draft: Draft, head: LedgerHead, at: datetime, units: Mapping[UUID, str]
) -> LedgerEntry:
    inputs = draft.inputs | {UNIT: units[draft.technician_id]}
    said = asdict(draft) | {"inputs": inputs}
    entry = LedgerEntry(**said, seq=head.seq + 1, created_at=at, prev_hash=head.hash, hash="")
    entry.hash = hash_of(entry)
    head.seq, head.hash = entry.seq, entry.hash
    return entry


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
