"""Where one more order fits into a plan, and at what price: for a danger that cannot wait.

Arrays over every gap (`positions`) rank all crews at once; only the best few positions are timed
exactly. Prepare `Insertions` once per plan and ask it for many orders.
"""

from __future__ import annotations

from dispatch.eject import EJECTIONS, ejections
from dispatch.insertions import MOST, Insertions
from dispatch.model import Order
from dispatch.plan import Plan
from dispatch.price import priced_plan
from dispatch.problem import Problem
from dispatch.proposal import Proposal, preference
from dispatch.wording import reason


def insert(
    problem: Problem, plan: Plan, order_id: str, *, most: int = MOST
) -> tuple[Proposal, ...]:
    """Return up to `most` ways to serve an order that the plan leaves out, the cheapest first.

    The plan must be one of this problem (`replan` times an older one anew), but may lack the order
    altogether. One proposal per crew; for an emergency also those where a lower priority gives
    way: with `MOST` and more, `EJECTIONS` of the places are kept for those, and may stay empty.
    Raises KeyError for an unknown order, `ProblemRefused` for one that is planned already.
    """
    return propose(Insertions(problem, plan), problem.order_by_id[order_id], most=most)


def propose(insertions: Insertions, order: Order, *, most: int = MOST) -> tuple[Proposal, ...]:
    """Return what `insert` returns, from a plan that has been made ready before.

    The order need not be one of the problem; its place must be one of the travel matrix.
    """
    insertions.demand_open(order)
    insertions.retiming.hold(order)
    if not order.emergency:
        return insertions.best(order, most=most).proposals
    direct = most if most < MOST else most - EJECTIONS
    found = insertions.best(order, most=direct).proposals
    best = found[0].net_per_mille if found else 0
    found += ejections(insertions, order, below=best)
    return tuple(sorted(found, key=preference)[:most])


def place(insertions: Insertions, proposal: Proposal) -> None:
    """Take the proposal into the plan that was made ready; asking goes on from there."""
    insertions.drive(*proposal.routes)


def applied(problem: Problem, plan: Plan, proposal: Proposal) -> Plan:
    """Return the plan with the proposal in it, priced; who had to give way says so.

    Other orders that the plan leaves out keep their reasons; run `explain` for fresh ones.
    """
    changed = {route.crew_id: route for route in proposal.routes}
    planned = {route.crew_id: route for route in plan.routes} | changed
    routes = [planned[crew.id] for crew in problem.crews if crew.id in planned]
    reasons = dict(plan.unassigned)
    out = proposal.ejected
    if out is not None and out.crew_id is None:
        why = reason("gave_way", crew_id=out.from_crew, for_order=proposal.order_id)
        reasons[out.order_id] = (why,)
    return priced_plan(problem, routes, reasons)
