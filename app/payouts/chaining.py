"""Drafts become entries: each new one once, behind the last of its person's chain. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from app.core.chain import chained_hash
from app.payouts.drafts import Draft
from app.payouts.errors import EntryDiffers
from app.payouts.models import UNIT, LedgerEntry, LedgerHead

CHAINED = (*Draft.__dataclass_fields__, "seq", "created_at")
"""The columns that an entry's hash covers."""


def hash_of(entry: LedgerEntry) -> str:
    """What the entry's `hash` must be, from its own columns and `prev_hash`."""
    return chained_hash(entry.prev_hash, {name: getattr(entry, name) for name in CHAINED})


def in_order(drafts: Collection[Draft]) -> list[Draft]:
    """By person, each person's in the order given: what is carried keeps the order of its age."""
    return sorted(drafts, key=lambda draft: draft.technician_id)


def chained(
    drafts: Sequence[Draft],
    standing: Iterable[LedgerEntry],
    heads: Mapping[UUID, LedgerHead],
    units: Mapping[UUID, str],
    at: datetime,
) -> list[LedgerEntry]:
    """The entries that are new, in their order; the `heads` of their people move on.

    `standing` are all entries of the drafts' orders, `units` the people's settlement units. A draft
    that stands already is left out; raises EntryDiffers when what stands is other.
    """
    known = {(each.order_id, each.rule, each.technician_id, each.cause): each for each in standing}
    added = []
    for draft in in_order(drafts):
        if (before := known.get(draft.key)) is not None:
            _require_same(draft, before)
            continue
        entry = _chained(draft, heads[draft.technician_id], at, units)
        known[draft.key] = entry
        added.append(entry)
    return added


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
    said = {name: getattr(draft, name) for name in Draft.__dataclass_fields__} | {"inputs": inputs}
    entry = LedgerEntry(**said, seq=head.seq + 1, created_at=at, prev_hash=head.hash, hash="")
    entry.hash = hash_of(entry)
    head.seq, head.hash = entry.seq, entry.hash
    return entry
