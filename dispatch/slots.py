"""Appointment slots for a caller on the line: what each window would cost the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dispatch.insertions import Insertions
from dispatch.model import Order
from dispatch.obstacle import obstacle
from dispatch.plan import Plan, Reason
from dispatch.problem import Problem
from dispatch.proposal import Proposal
from dispatch.wording import reason

TRIES = 1
"""Timings per slot, if the first one keeps every rule: estimates are nearly always exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One window for the start of the work, and the cheapest way to keep it.

    `added` is what serving the order in it costs the plan, in seconds of price, and `terms` the
    same term by term; both are None and empty when it does not fit, and `reason` says why.
    """

    earliest_s: int
    latest_s: int
    added: int | None = None
    terms: Mapping[str, int] = field(default_factory=dict, hash=False)
    crew_id: str | None = None
    start_s: int | None = None
    later: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Order id -> seconds by which others would start later."""
    proposal: Proposal | None = None
    reason: Reason | None = None

    @property
    def fits(self) -> bool:
        """True when some crew can keep it."""
        return self.crew_id is not None


def slots(
    problem: Problem,
    plan: Plan,
    order: Order,
    candidates: Sequence[tuple[int, int]],
    *,
    tries: int = TRIES,
) -> tuple[Slot, ...]:
    """Return every candidate (earliest, latest) as a slot: the cheapest first, then the misfits.

    The order need not be one of the problem, nor does its own window count; its place must be in
    the travel matrix. With ample `tries` each slot's price is the least of all insertions. Raises
    `ProblemRefused` for a reversed window or an order that the plan serves already.
    """
    return offer(Insertions(problem, plan), order, candidates, tries=tries)


def offer(
    insertions: Insertions,
    order: Order,
    candidates: Sequence[tuple[int, int]],
    *,
    tries: int = TRIES,
) -> tuple[Slot, ...]:
    """Return what `slots` returns, from a plan that has been made ready before."""
    insertions.demand_open(order)
    insertions.retiming.hold(order)
    found = [_slot(insertions, order, window, tries) for window in candidates]
    return tuple(sorted(found, key=_rank))


def _slot(insertions: Insertions, order: Order, window: tuple[int, int], tries: int) -> Slot:
    asked = replace(order, window=window)
    found, proven = insertions.best(asked, most=1, tries=tries)
    earliest_s, latest_s = window
    if not found and not proven:
        found, proven = insertions.best(asked, most=1, tries=10 * tries)
    if not found:
        why = obstacle(insertions, asked) or reason("slot_full", searched=proven)
        return Slot(earliest_s=earliest_s, latest_s=latest_s, reason=why)
    best = found[0]
    return Slot(
        earliest_s=earliest_s,
        latest_s=latest_s,
        added=best.added,
        terms={term: value for term, value in best.terms.items() if term != "unserved"},
        crew_id=best.crew_id,
        start_s=best.start_s,
        later=best.later,
        proposal=best,
    )


def _rank(slot: Slot) -> tuple[bool, int, int, int]:
    return (not slot.fits, slot.added or 0, slot.earliest_s, slot.latest_s)
