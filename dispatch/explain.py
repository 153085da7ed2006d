"""Why an order is not in the plan: the first rule that no crew can meet, or the smallest fix."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dispatch.fixes import fixes
from dispatch.gaps import FAR_S
from dispatch.insertions import Insertions
from dispatch.model import Crew, Order
from dispatch.obstacle import obstacle
from dispatch.plan import Plan, Reason, Route
from dispatch.price import route_price
from dispatch.problem import Problem
from dispatch.proposal import Proposal
from dispatch.trip import Shortfall
from dispatch.wording import reason

WORK = 1000
"""Exact timings that one call may spend on all its orders, the dearest first."""
FIT_TRIES = 4
"""Timings per order before "no crew has room" is believed."""
NEAREST = 3
"""Positions at which an order that fits nowhere is timed without limits."""
SHOWN = 3
"""Fixes told per order."""
POSSIBLE = ("not_worth_it", "not_tried")


def reasons(problem: Problem, plan: Plan, order_id: str) -> tuple[Reason, ...]:
    """Return the coded reasons why the plan leaves this order out; never empty.

    For an order pinned to a crew the first reason says so and the second why that crew cannot.
    Then come the smallest fixes (`fix_...`), each with its price. Raises KeyError for an order
    that the problem does not hold.
    """
    return explain(problem, plan, [order_id])[order_id]


def explain(
    problem: Problem, plan: Plan, order_ids: Iterable[str], *, work: int = WORK
) -> dict[str, tuple[Reason, ...]]:
    """Return the reasons of several orders at once; see `reasons`.

    `work` bounds the exact timings of all orders together, so the answer does not depend on the
    machine. An order for which it did not suffice is told what time would do, not whose leaving,
    and says so by `fixes_cut_short`.
    """
    names = list(order_ids)
    wanted = [problem.order_by_id[name] for name in names]
    if not wanted:
        return {}
    insertions = Insertions(problem, plan)
    told: dict[str, tuple[Reason, ...]] = {}
    for order in sorted(wanted, key=_urgency):
        told[order.id] = _reasons(insertions, order, insertions.retiming.timed < work)
    return {name: told[name] for name in names}


def _urgency(order: Order) -> tuple[bool, int, str]:
    return (not order.emergency, -order.priority_penalty, order.id)


def _reasons(insertions: Insertions, order: Order, thorough: bool) -> tuple[Reason, ...]:
    pin = insertions.roster.pin(order)
    barred = obstacle(insertions, order)
    rows = insertions.open_to(order)
    short = insertions.positions.relaxed(order, rows)
    first = barred or _full(insertions, order, short)
    told: tuple[Reason, ...] = (first,)
    if len(rows) < int(insertions.roster.may_have(order).sum()):
        most = insertions.problem.objective.most_moves
        told += (reason("moves_spent", crew_id=order.current_crew, most_moves=most),)
    if pin is not None:
        pinned = reason("pinned_crew_cannot", crew_id=pin, because=first.code)
        told = (pinned, first) if barred else (first, pinned)
    if first.code in POSSIBLE:
        return told
    told += tuple(fixes(insertions, order, short, others=thorough)[:SHOWN])
    return told if thorough else (*told, reason("fixes_cut_short"))


def _full(insertions: Insertions, order: Order, short: Shortfall | None) -> Reason:
    """It fits but costs more than leaving it out, or only when somebody gives some time."""
    found, proven = insertions.best(order, most=1, tries=FIT_TRIES)
    return _possible(order, found[0]) if found else _nearest(insertions, order, short, proven)


def _possible(order: Order, best: Proposal) -> Reason:
    """It fits: it costs too much, or the search ran out of time before it looked there."""
    return reason(
        "not_worth_it" if best.net_per_mille >= 0 else "not_tried",
        crew_id=best.crew_id,
        added_price_s=best.added,
        penalty_s=order.priority_penalty,
    )


def _nearest(insertions: Insertions, order: Order, short: Shortfall | None, proven: bool) -> Reason:
    """The position where the least time is missing, with what would have to be given there.

    `proven` says that no placing of breaks at all makes room, not only the likely ones.
    """
    found: list[tuple[tuple[int, int, int], Reason]] = []
    if short is not None:
        missing = np.minimum(short.later_s + short.overtime_s + short.others_s, FAR_S)
        for place in np.lexsort((short.price, short.others_s, missing))[:NEAREST].tolist():
            if found and found[0][0][0] <= missing[place]:
                break  # as near as was estimated: what follows is hardly nearer
            number, gap = int(short.crew[place]), int(short.gap[place])
            found += _unlimited(insertions, order, number, gap, proven)
    if not found:
        rows = np.flatnonzero(insertions.roster.may_have(order))
        crews = [insertions.problem.crews[row].id for row in rows.tolist()]
        return reason("no_road", qualified_crews=sorted(crews))
    return min(found, key=lambda each: each[0])[1]


def _unlimited(
    insertions: Insertions, order: Order, number: int, gap: int, proven: bool
) -> list[tuple[tuple[int, int, int], Reason]]:
    """What it takes to put the order there: (seconds, those of others, price) and the reason."""
    problem, crew, old = insertions.problem, insertions.problem.crews[number], insertions.routes
    ids = [visit.order_id for visit in old[number].visits]
    after = ids[gap - 1] if gap else None
    ids.insert(gap, order.id)
    route = insertions.retiming.route(crew, ids, order, limits=False)
    if route is None:
        return []
    broken = _broken_windows(problem, crew, route)
    own_s = broken.pop(order.id, 0)
    over_s = max(0, route.end_s - crew.hard_end_s)
    others_s = sum(broken.values())
    added = route_price(problem, crew, route) - route_price(problem, crew, old[number])
    told = reason(
        "no_capacity",
        crew_id=crew.id,
        after_order=after,
        start_s=route.visits[gap].start_s,
        window_later_s=own_s,
        overtime_more_s=over_s,
        others_later_s=broken,
        added_price_s=-(-added // 1000),
        short_s=max([own_s, over_s, *broken.values()]),
        needs=dict(order.skills),
        proven=proven,
    )
    return [((own_s + over_s + others_s, others_s, added), told)]


def _broken_windows(problem: Problem, crew: Crew, route: Route) -> dict[str, int]:
    """Order id -> seconds after its window's end, of all that are not accepted yet."""
    late = {
        visit.order_id: visit.start_s - window[1]
        for visit in route.visits
        if (window := problem.order_by_id[visit.order_id].window) is not None
        and visit.order_id not in crew.locked
    }
    return {order_id: seconds for order_id, seconds in late.items() if seconds > 0}
