"""The first rule that stands between an order and the crews, before anybody's plan counts."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch.fit import lacking
from dispatch.insertions import Insertions
from dispatch.model import Crew, Order
from dispatch.plan import Reason
from dispatch.reach import NO_ROAD_S
from dispatch.wording import reason


def obstacle(insertions: Insertions, order: Order) -> Reason | None:
    """Return the rule that keeps all crews from the order; None when one could do it.

    "Could" takes no other work into account but what is accepted. Only its own crew is asked for
    an order that is pinned to one.
    """
    mask = insertions.roster.may_have(order)
    if (insertions.reach.short_of(order)[mask] <= 0).any():
        return None
    pin = insertions.roster.pin(order)
    asked = [crew for crew in insertions.problem.crews if pin in (None, crew.id)]
    if not asked:
        return reason("no_crew_on_shift")
    free = [crew for crew in asked if crew.id not in order.forbidden_crews]
    if not free:
        return reason("only_forbidden_crews", forbidden=sorted(order.forbidden_crews))
    fit = [crew for crew in free if not lacking(order, crew)]
    if not fit:
        return _unfit(order, free)
    return _unreachable(insertions, order, fit)


def barrier(insertions: Insertions, order: Order, crew: Crew) -> Reason | None:
    """Return why this one crew can never have the order, or None when only room decides."""
    accepted = insertions.problem.locked_crew.get(order.id)
    if accepted not in (None, crew.id):
        return reason("accepted_elsewhere", crew_id=accepted)
    pin = insertions.roster.pin(order)
    if pin not in (None, crew.id):
        return reason("pinned_elsewhere", crew_id=pin)
    if crew.id in order.forbidden_crews:
        return reason("crew_forbidden", crew_id=crew.id)
    missing = lacking(order, crew)
    if missing:
        return reason("crew_lacks", crew_id=crew.id, missing=missing)
    return _unreachable(insertions, order, [crew])


def _unfit(order: Order, crews: Sequence[Crew]) -> Reason:
    """A skill that nobody has, or enough of everything but in no single crew."""
    nowhere = [skill for skill, _ in order.skills if not any(c.skills.get(skill) for c in crews)]
    if nowhere:
        return reason("no_skill", skills=nowhere)
    nearest = min(crews, key=lambda crew: sum(lacking(order, crew).values()))
    needed = {"crew_size": order.crew_size, **dict(order.skills)}
    missing = lacking(order, nearest)
    return reason("crew_too_small", crew_id=nearest.id, missing=missing, needed=needed)


def _unreachable(insertions: Insertions, order: Order, fit: Sequence[Crew]) -> Reason | None:
    """Off shift, or free only after the window, or too far away, whichever comes first.

    None when one of them could be there in time.
    """
    short_s = insertions.reach.short_of(order)
    short = {crew.id: int(short_s[insertions.tally.number[crew.id]]) for crew in fit}
    if min(short.values()) <= 0:
        return None
    on_shift = [
        crew
        for crew in fit
        if max(order.opens_s, crew.ready_s) + order.service_s <= crew.hard_end_s
    ]
    if not on_shift:
        return reason("no_crew_on_shift", qualified_crews=[crew.id for crew in fit])
    first = min(on_shift, key=lambda crew: crew.ready_s)
    if order.window is not None and first.ready_s > order.window[1]:
        return reason(
            "window_closed",
            crew_id=first.id,
            free_s=first.ready_s,
            closes_s=order.window[1],
            short_s=first.ready_s - order.window[1],
        )
    least_s, crew_id = min((short[crew.id], crew.id) for crew in on_shift)
    if least_s >= NO_ROAD_S:
        return reason("no_road", qualified_crews=[crew.id for crew in on_shift])
    return reason("out_of_reach", crew_id=crew_id, short_s=least_s)
