"""Room by ejection: a less urgent order leaves its place, for another one or for another day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dispatch.insertions import Insertions
from dispatch.model import Order
from dispatch.plan import Route
from dispatch.positions import Ranked
from dispatch.proposal import Ejected, Proposal, preference

EJECTIONS = 2
"""Orders that are tried for leaving, the most promising by estimate."""
LEAVER_LOOK, LEAVER_TRIES = 32, 2
"""New places for the one that leaves that are estimated, and timed."""
USUAL_COST = 1800
"""Price in seconds at which an order usually finds another place, for ranking only."""


def ejections(
    insertions: Insertions, order: Order, *, below: int, tries: int = EJECTIONS
) -> tuple[Proposal, ...]:
    """Return ways to serve the order in the place of a lower priority, the cheapest first.

    The one that leaves goes where it costs least, with the same crew, another one, or not at all.
    Only what changes the plan's price by less than `below` (thousandths) is returned. Accepted,
    pinned and sequenced orders and emergencies never leave.
    """
    weights = insertions.weights
    may_leave = ~weights.emergency & (weights.penalty < order.priority_penalty)
    return displacements(insertions, order, may_leave, below=below, tries=tries)


def displacements(
    insertions: Insertions,
    order: Order,
    may_leave: NDArray[np.bool_],
    *,
    below: int | None = None,
    tries: int = EJECTIONS,
    rows: NDArray[np.intp] | None = None,
) -> tuple[Proposal, ...]:
    """Return ways to serve the order in the place of one that may leave; see `ejections`.

    `rows` are numbers of crews that are looked at, all that may have the order by default.
    """
    spot = insertions.positions.instead(may_leave & insertions.weights.free)
    limit = None if below is None else below + 1000 * order.priority_penalty
    open_to = insertions.open_to(order) if rows is None else rows
    ranked = insertions.positions.ranked(order, open_to, spot, below=limit)
    if not ranked.crew:
        return ()
    found = []
    for place in _promising(insertions, ranked)[:tries]:
        number, gap = ranked.crew[place], ranked.gap[place]
        proposal = _displaced(insertions, order, number, gap, below)
        if proposal is not None and (below is None or proposal.net_per_mille < below):
            found.append(proposal)
    return tuple(sorted(found, key=preference))


def _promising(insertions: Insertions, ranked: Ranked) -> list[int]:
    """Places by what they cost with the least that their order's leaving costs."""
    stops = insertions.positions.gaps.cell["stop"][ranked.crew, ranked.gap]
    leaving = np.minimum(insertions.weights.penalty[stops], USUAL_COST)
    order: list[int] = np.argsort(
        np.array(ranked.estimate) + 1000 * leaving, kind="stable"
    ).tolist()
    return order


def _displaced(
    insertions: Insertions, order: Order, number: int, gap: int, below: int | None
) -> Proposal | None:
    """The order in the place of the one at `gap`, which goes where it costs least.

    A new place that would bring the change of price to `below` or more is not looked for.
    """
    problem, old = insertions.problem, insertions.routes[number]
    crew, leaving = problem.crews[number], old.visits[gap]
    ids = [visit.order_id for visit in old.visits]
    ids[gap] = order.id
    route = insertions.retiming.route(crew, ids, order)
    if route is None:
        return None
    other = problem.order_by_id[leaving.order_id]
    out = Ejected(order_id=other.id, from_crew=crew.id, start_before_s=leaving.start_s)
    stays_out = insertions.proposal(order, number, route, out)
    least = stays_out.net_per_mille - 1000 * other.priority_penalty
    limit = stays_out.net_per_mille if below is None else min(below, stays_out.net_per_mille)
    if below is not None and least >= below:
        return None  # too dear even if the one that leaves found its new place for nothing
    moved = _elsewhere(insertions, order, number, route, out, below=limit - least)
    return min([stays_out, *moved], key=preference)


def _elsewhere(
    insertions: Insertions, order: Order, number: int, route: Route, out: Ejected, *, below: int
) -> list[Proposal]:
    """The ejected order's best new place, once the other is in its old one.

    None that is sure to cost `below` thousandths or more, its saved penalty aside.
    """
    other = insertions.problem.order_by_id[out.order_id]
    with insertions.supposing(route):
        again = insertions.best(other, most=1, tries=LEAVER_TRIES, look=LEAVER_LOOK, below=below)
    if not again.proposals:
        return []
    new = again.proposals[0]
    same = new.crew_id == out.from_crew
    ejected = Ejected(
        order_id=other.id,
        from_crew=out.from_crew,
        crew_id=new.crew_id,
        position=new.position,
        start_s=new.start_s,
        start_before_s=out.start_before_s,
        route=None if same else new.route,
    )
    return [insertions.proposal(order, number, new.route if same else route, ejected)]
