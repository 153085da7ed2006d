"""What is different between two plans: what moved, which price it saved, who starts when.

A single move's saving is what its order cost where it was, the rest of that plan given, less what
it costs where it is now, the rest of the new plan given. Moves help and hinder each other, so
their savings do not add up to that of the plans; the difference is told as `together`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dispatch.plan import TERMS, Plan, Route, Visit
from dispatch.problem import Problem
from dispatch.tally import Tally
from dispatch.timing import idle_route, time_route
from dispatch.wording_plans import difference_sentences, move_sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An order that another crew has now; None stands for "left out"."""

    order_id: str
    from_crew: str | None
    to_crew: str | None
    start_before_s: int | None
    start_after_s: int | None
    saved: Mapping[str, int] = field(hash=False)
    """Term -> seconds of price saved by this move, negative where it costs."""
    gain: int
    """Sum of `saved`."""
    because: str | None
    """The term that it saved most in; None when it saved in none (others gained by it)."""
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An order that its crew starts at another time."""

    order_id: str
    crew_id: str
    start_before_s: int
    start_after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """From one plan to another; `saved` is before minus after of the price, term by term."""

    moved: tuple[Move, ...]
    """The largest gain first."""
    shifted: tuple[Shift, ...]
    """In the order of the new plan's routes."""
    unchanged: int
    """Orders with the same crew at the same time."""
    before: Mapping[str, int] = field(hash=False)
    after: Mapping[str, int] = field(hash=False)
    saved: Mapping[str, int] = field(hash=False)
    gain: int
    together: Mapping[str, int] = field(hash=False)
    """What `saved` has beyond the sum of the moves' own: `saved == together + all moves`."""
    unknown: tuple[str, ...]
    """Orders and crews of the plans that the problem does not hold, left out of everything."""
    zh: str
    en: str


def compare(problem: Problem, before: Plan, after: Plan) -> Difference:
    """Return what changed from one plan to the other, both priced as plans of this problem.

    Times are taken from the plans. A plan may be of an older or a "what if" problem: what this
    problem does not know is named in `unknown`, and crews it lacks a route for count as idle.
    """
    was, now = _Side(problem, before), _Side(problem, after)
    moves = [_move(name, was, now) for name in _moved(problem, was, now)]
    moved = tuple(sorted(moves, key=lambda move: (-move.gain, move.order_id)))
    same = [n for n, crew in now.crew_of.items() if was.crew_of.get(n) == crew]
    shifted = tuple(
        Shift(
            order_id=name,
            crew_id=now.crew_of[name],
            start_before_s=was.visit[name].start_s,
            start_after_s=now.visit[name].start_s,
        )
        for name in same
        if was.visit[name].start_s != now.visit[name].start_s
    )
    saved = {term: was.price[term] - now.price[term] for term in TERMS}
    gain = sum(saved.values())
    zh, en = difference_sentences(saved, gain, len(moved))
    return Difference(
        moved=moved,
        shifted=shifted,
        unchanged=len(same) - len(shifted),
        before=was.price,
        after=now.price,
        saved=saved,
        gain=gain,
        together={term: saved[term] - sum(m.saved[term] for m in moved) for term in TERMS},
        unknown=tuple(sorted(set(was.unknown + now.unknown))),
        zh=zh,
        en=en,
    )


class _Side:
    """One of the two plans as this problem sees it."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        known, self.unknown = problem.order_by_id, list[str]()
        given = {route.crew_id: route for route in plan.routes}
        self.unknown += [crew_id for crew_id in given if crew_id not in problem.crew_by_id]
        routes = []
        for crew in problem.crews:
            route = given.get(crew.id, idle_route(problem, crew))
            strange = [v.order_id for v in route.visits if v.order_id not in known]
            self.unknown += strange
            routes.append(self._without(route, strange) if strange else route)
        self.tally = Tally(problem, routes)
        self.crew_of = self.tally.planned
        self.visit: dict[str, Visit] = {v.order_id: v for route in routes for v in route.visits}
        left_out = sum(o.priority_penalty for o in problem.orders if o.id not in self.crew_of)
        self.price = self.tally.price(left_out)

    def _without(self, route: Route, names: list[str]) -> Route:
        """The route without these visits, timed anew as far as rules allow."""
        crew = self.problem.crew_by_id[route.crew_id]
        ids = [v.order_id for v in route.visits if v.order_id not in names]
        shorter = time_route(self.problem, crew, ids)
        shorter = shorter or time_route(self.problem, crew, ids, limits=False)
        return shorter or idle_route(self.problem, crew)

    def cost(self, name: str) -> dict[str, int]:
        """What the order costs in this plan, term by term: there, or left out."""
        order = self.problem.order_by_id[name]
        if name not in self.crew_of:
            return dict.fromkeys(TERMS, 0) | {"unserved": order.priority_penalty}
        number = self.tally.number[self.crew_of[name]]
        shorter = self._without(self.tally.routes[number], [name])
        without = self.tally.seconds(self.tally.difference({number: shorter}))
        return {term: -value for term, value in without.items()}


def _moved(problem: Problem, was: _Side, now: _Side) -> Iterator[str]:
    for order in problem.orders:
        if was.crew_of.get(order.id) != now.crew_of.get(order.id):
            yield order.id


def _move(name: str, was: _Side, now: _Side) -> Move:
    before, after = was.cost(name), now.cost(name)
    saved = {term: before[term] - after[term] for term in TERMS}
    best = max(TERMS, key=lambda term: saved[term])
    because = best if saved[best] > 0 else None
    old, new = was.visit.get(name), now.visit.get(name)
    from_crew, to_crew = was.crew_of.get(name), now.crew_of.get(name)
    gain = sum(saved.values())
    zh, en = move_sentences(name, from_crew, to_crew, because, saved, gain)
    return Move(
        order_id=name,
        from_crew=from_crew,
        to_crew=to_crew,
        start_before_s=old.start_s if old else None,
        start_after_s=new.start_s if new else None,
        saved=saved,
        gain=gain,
        because=because,
        zh=zh,
        en=en,
    )
