"""Why this crew: what an order costs where it is, and what it would cost with the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dispatch.insertions import Insertions
from dispatch.model import Order
from dispatch.obstacle import barrier
from dispatch.plan import Plan, Reason
from dispatch.positions import Ranked
from dispatch.problem import Problem
from dispatch.proposal import Proposal
from dispatch.refused import demand
from dispatch.wording import reason
from dispatch.wording_plans import why_sentences

OTHERS = 3
"""Crews told beside the one that has the order."""
TRIES = 24
"""Timings to find them."""
DOUBTS = 60
"""Timings to make sure that crews which look full are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One crew's cheapest place for the order, all else in the plan as it is.

    `terms` is what the order costs there, term by term in seconds of price, and `price` its sum.
    `dearer` is how much more that is than with the crew that has it; negative when it is less.
    """

    crew_id: str
    position: int
    start_s: int
    terms: Mapping[str, int] = field(hash=False)
    price: int
    dearer: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a crew has an order: its own choice, the next ones, and who cannot at all."""

    order_id: str
    chosen: Choice
    others: tuple[Choice, ...]
    """The next crews by price, at most three."""
    cannot: Mapping[str, Reason] = field(hash=False)
    """Crew id -> why it cannot have the order, in the plan as it is."""
    penalty_s: int
    """Price of leaving the order out."""
    accepted: bool
    """The crew has accepted it: no price would take it away."""
    zh: str
    en: str


def why(problem: Problem, plan: Plan, order_id: str) -> Why:
    """Return why the plan gives this order to its crew, priced term by term against the others.

    The price of the order with a crew is what the plan costs more with it there than without it.
    Raises KeyError for an order unknown to the problem, `ProblemRefused` for one left out (see
    `explain`) and when the crew's route cannot be driven without it.
    """
    insertions = Insertions(problem, plan)
    order = problem.order_by_id[order_id]
    crew_id = insertions.tally.planned.get(order_id)
    demand(
        crew_id is not None,
        "order_not_planned",
        f"Order {order_id} is not in the plan.",
        "Ask for the reasons why it is left out.",
    )
    number = insertions.tally.number[str(crew_id)]
    here = _taken_out(insertions, order, number)
    others = _others(insertions, order, number)
    found = insertions.best(order, most=OTHERS, tries=TRIES, rows=others).proposals
    chosen = _choice(here, here)
    choices = tuple(_choice(each, here) for each in found)
    accepted = order_id in problem.locked_crew
    zh, en = why_sentences(chosen, choices, accepted)
    return Why(
        order_id=order_id,
        chosen=chosen,
        others=choices,
        cannot=_cannot(insertions, order, number, others),
        penalty_s=order.priority_penalty,
        accepted=accepted,
        zh=zh,
        en=en,
    )


def _taken_out(insertions: Insertions, order: Order, number: int) -> Proposal:
    """Take the order out of the plan, and return its old place as a proposal to it."""
    crew, old = insertions.problem.crews[number], insertions.routes[number]
    ids = [visit.order_id for visit in old.visits if visit.order_id != order.id]
    route = insertions.retiming.route(crew, ids, order)
    route = route or insertions.retiming.route(crew, ids, order, limits=False)
    if route is None:
        demand(
            False,
            "no_road_without_it",
            f"Without order {order.id} no road leads along {crew.id}'s route.",
            "Price it by a plan that was made without it.",
        )
        raise AssertionError
    insertions.drive(route)
    return insertions.proposal(order, number, old)


def _others(insertions: Insertions, order: Order, number: int) -> NDArray[np.intp]:
    if order.id in insertions.problem.locked_crew:
        return np.zeros(0, dtype=np.intp)
    rows = insertions.open_to(order)
    others: NDArray[np.intp] = rows[rows != number]
    return others


def _choice(proposal: Proposal, here: Proposal) -> Choice:
    return Choice(
        crew_id=proposal.crew_id,
        position=proposal.position,
        start_s=proposal.start_s,
        terms={term: value for term, value in proposal.terms.items() if term != "unserved"},
        price=proposal.added,
        dearer=proposal.added - here.added,
    )


def _cannot(
    insertions: Insertions, order: Order, number: int, others: NDArray[np.intp]
) -> dict[str, Reason]:
    """Every crew that cannot have it: by rule, by the budget of moves, or because it is full."""
    problem, told = insertions.problem, {}
    open_to = set(others.tolist())
    for row, crew in enumerate(problem.crews):
        if row == number:
            continue
        barred = barrier(insertions, order, crew)
        if barred is not None:
            told[crew.id] = barred
        elif row not in open_to:
            most = problem.objective.most_moves
            told[crew.id] = reason("moves_spent", crew_id=order.current_crew, most_moves=most)
    possible = [row for row in others.tolist() if problem.crews[row].id not in told]
    ranked = insertions.positions.ranked(order, others, look=1 << 30)
    return told | _full(insertions, order, possible, ranked)


def _full(
    insertions: Insertions, order: Order, rows: list[int], ranked: Ranked
) -> dict[str, Reason]:
    likely = {row for row, fits in zip(ranked.crew, ranked.likely, strict=True) if fits}
    places: dict[int, list[int]] = {}
    for row, gap in zip(ranked.crew, ranked.gap, strict=True):
        places.setdefault(row, []).append(gap)
    until, told = insertions.retiming.timed + DOUBTS, {}
    for row in rows:
        crew_id = insertions.problem.crews[row].id
        if row in likely:
            continue
        gaps = places.get(row, [])
        if insertions.retiming.timed + len(gaps) > until:
            told[crew_id] = reason("crew_not_searched", crew_id=crew_id)
        elif all(insertions.at(order, row, gap) is None for gap in gaps):
            told[crew_id] = reason("crew_full", crew_id=crew_id)
    return told
