"""One way to take an order into a plan: which crew, when, at what price, and who gives way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.plan import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Ejected:
    """An order that leaves its place for another one; `crew_id` is None when it stays out."""

    order_id: str
    from_crew: str
    crew_id: str | None = None
    position: int | None = None
    start_s: int | None = None
    start_before_s: int
    route: Route | None = None
    """The other crew's new route; None when it stays out or with the same crew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One crew's place for an order: when, at what price, and who waits longer for it.

    `terms` is how the plan's price changes, term by term in seconds (`unserved` falls); `net` is
    its sum, and `added` is what serving the order costs: `net` without its own saved penalty.
    """

    order_id: str
    crew_id: str
    position: int
    """Number of visits of the crew before it, accepted ones included."""
    start_s: int
    finish_s: int
    terms: Mapping[str, int] = field(hash=False)
    net: int
    net_per_mille: int
    """The same before each term was rounded down to seconds: what proposals are ranked by."""
    added: int
    later: Mapping[str, int] = field(hash=False)
    """Order id -> seconds by which its work starts later than planned."""
    route: Route
    """The crew's new route."""
    ejected: Ejected | None = None

    @property
    def exact_added(self) -> int:
        """`added` before rounding, in thousandths."""
        return self.net_per_mille + 1000 * (self.added - self.net)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route that changes."""
        other = self.ejected.route if self.ejected else None
        return (self.route,) if other is None else (self.route, other)


def preference(proposal: Proposal) -> tuple[int, int, str]:
    """Sort key: the cheapest, then the soonest."""
    return (proposal.net_per_mille, proposal.start_s, proposal.crew_id)
