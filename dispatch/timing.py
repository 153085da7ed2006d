"""Exact times for a crew's sequence of orders: when to rest so that lateness costs least.

A crew leaves as soon as it can. A rest falls into one gap between two stops (also before the first
or on the way home) and may interrupt the drive, so a gap takes
`max(drive + set-up + rests, end of the last rest)`. Which gap is best is not greedy: an early rest
may make one order late, a late one another. Therefore every position keeps all undominated pairs
of (time, price of lateness) per number of rests taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from dispatch.model import Break, Crew, Order
from dispatch.plan import Route, TakenBreak, Visit
from dispatch.problem import UNREACHABLE_S, Problem


class Stand(NamedTuple):
    """Where a timing stands after a stop; `late` is the price so far in thousandths."""

    finish_s: int
    taken: int
    late: int
    start_s: int
    rests: tuple[TakenBreak, ...]
    before: Stand | None


Way = tuple[int, int, tuple[TakenBreak, ...]]
"""Across a gap: when ready to work, rests taken by then, those taken in it."""


class Leg(NamedTuple):
    """What lies between two stops."""

    travel_s: int
    setup_s: int


def legs_of(problem: Problem, crew: Crew, orders: Sequence[Order]) -> list[Leg]:
    """Drive and set-up before each order, and the way home last."""
    rows, place, building = problem.legs, crew.ready_place, crew.in_building
    legs = []
    for order in orders:
        inside = order.building is not None and order.building == building
        legs.append(Leg(rows[place][order.place], 0 if inside else order.setup_s))
        place, building = order.place, order.building
    home = 0 if crew.end_place is None else rows[place][crew.end_place]
    return [*legs, Leg(home, 0)]


def idle_route(problem: Problem, crew: Crew) -> Route:
    """What the crew does without orders: nothing, or the way home if it has set out."""
    if not crew.is_away:
        return Route(crew_id=crew.id, end_s=crew.ready_s)
    (home,) = legs_of(problem, crew, [])
    end_s = crew.ready_s + home.travel_s
    return Route(
        crew_id=crew.id,
        end_s=end_s,
        travel_s=home.travel_s,
        load_s=home.travel_s,
        overtime_s=max(0, end_s - crew.shift[1]),
    )


class Walk:
    """A crew's way through a sequence of stops, kept so that one that begins alike goes on from it.

    For timing many sequences of one crew that differ in a stop or two. Only the orders named to
    `begin` may change between timings.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.crew: Crew | None = None
        self.stands: list[list[Stand]] = []
        """The undominated stands before the first stop, after the first, ..."""

    def begin(self, crew: Crew, order_ids: Sequence[str], changed: str) -> None:
        """Keep what is known of the common beginning, before the changed order."""
        if self.crew is not crew and not _starts_alike(self.crew, crew):
            self.stands = []
        self.crew = crew
        same = 0
        for mine, other in zip(self.ids, order_ids, strict=False):
            if mine != other or mine == changed:
                break
            same += 1
        del self.stands[same + 1 :]
        self.ids = list(order_ids)


def _starts_alike(one: Crew | None, other: Crew) -> bool:
    """True when both crews stand alike after any stops: the end of the shift may differ."""
    return one is not None and replace(one, overtime_s=other.overtime_s) == other


def time_route(
    problem: Problem,
    crew: Crew,
    order_ids: Sequence[str],
    *,
    limits: bool = True,
    walk: Walk | None = None,
) -> Route | None:
    """Return the cheapest timing of the sequence, or None when it breaks a hard rule.

    The crew's own `sequence` is such a rule: its orders may be missing but not swapped. With
    `limits=False` no window closes and overtime has no end: what would it take? `walk` is of this
    crew and of timings with the same `limits`.
    """
    if not order_ids:
        return idle_route(problem, crew)
    orders = [problem.order_by_id[order_id] for order_id in order_ids]
    legs = legs_of(problem, crew, orders)
    if any(leg.travel_s >= UNREACHABLE_S for leg in legs):
        return None
    if limits and not (_in_sequence(crew, order_ids) and _holds(crew, orders)):
        return None
    over_rate = problem.objective.overtime_per_mille
    stands = [] if walk is None else walk.stands
    final = _best_end(crew, orders, legs, over_rate if limits else None, stands)
    return None if final is None else _route(crew, orders, legs, final)


def _holds(crew: Crew, orders: Sequence[Order]) -> bool:
    """True when the vehicle holds what the visits take, or when all of them are accepted."""
    if crew.capacity is None or len(orders) <= len(crew.locked):
        return True
    return sum(order.units for order in orders) <= crew.capacity


def _in_sequence(crew: Crew, order_ids: Sequence[str]) -> bool:
    """True when the sequenced orders among these come in the crew's order."""
    if not crew.sequence:
        return True
    rank = {order_id: number for number, order_id in enumerate(crew.sequence)}
    found = [rank[order_id] for order_id in order_ids if order_id in rank]
    return found == sorted(found)


def _best_end(
    crew: Crew,
    orders: Sequence[Order],
    legs: Sequence[Leg],
    over_rate: int | None,
    walked: list[list[Stand]],
) -> Stand | None:
    """The cheapest end of the route; no limit binds when `over_rate` is None.

    `walked` holds the stands of the first stops and is continued.
    """
    limits = over_rate is not None
    rests, locked = crew.owed_breaks, len(crew.locked)
    if not walked:
        walked.append([Stand(crew.ready_s, 0, 0, crew.ready_s, (), None)])
    stands = walked[-1]
    for position in range(len(walked) - 1, len(orders)):
        order = orders[position]
        free = position < locked or not limits
        latest = None if free or order.window is None else order.window[1]
        stands = _undominated(_after(stands, rests, legs[position], order, latest))
        if not stands:
            return None
        walked.append(stands)
    last = None if len(orders) <= locked or not limits else crew.hard_end_s
    ends = [
        Stand(end, len(rests), stand.late, end, taken, stand)
        for stand in stands
        for end, count, taken in _gaps(stand, rests, legs[-1])
        if count == len(rests) and (last is None or end <= last)
    ]

    def price(stand: Stand) -> tuple[int, int]:
        over_s = max(0, stand.finish_s - crew.shift[1])
        return (stand.late + (over_rate or 0) * over_s, stand.finish_s)

    return min(ends, key=price, default=None)


def _after(
    stands: Sequence[Stand], rests: Sequence[Break], leg: Leg, order: Order, latest: int | None
) -> list[Stand]:
    opens, due, service_s, found = order.opens_s, order.due_s, order.service_s, []
    every = len(rests)
    for stand in stands:
        if stand.taken == every:  # the usual case, without a generator
            ways: Iterable[Way] = ((stand.finish_s + leg.travel_s + leg.setup_s, every, ()),)
        else:
            ways = _gaps(stand, rests, leg)
        for reached, count, taken in ways:
            start = reached if reached > opens else opens
            if latest is not None and start > latest:
                continue
            late = stand.late
            if due is not None and start > due:
                late += (start - due) * order.late_per_mille
            found.append(Stand(start + service_s, count, late, start, taken, stand))
    return found


def _gaps(stand: Stand, rests: Sequence[Break], leg: Leg) -> Iterator[Way]:
    """Every way to cross the gap: (when ready to work, rests taken by then, those taken here)."""
    busy = stand.finish_s + leg.travel_s + leg.setup_s
    count, clock = stand.taken, stand.finish_s
    taken: tuple[TakenBreak, ...] = ()
    yield busy, count, taken
    for rest in rests[count:]:
        begin = max(clock, rest.earliest_s)
        if begin > rest.latest_s:
            return
        clock = begin + rest.duration_s
        busy += rest.duration_s
        count += 1
        taken = (*taken, TakenBreak(start_s=begin, finish_s=clock))
        yield max(busy, clock), count, taken


def _undominated(stands: list[Stand]) -> list[Stand]:
    """Drop each stand that another one equals or beats in time, price and rests taken."""
    if len(stands) < 2:
        return stands
    stands.sort(key=_soonest)
    kept = [stands[0]]
    for stand in stands[1:]:
        for best in kept:
            if best.late <= stand.late and best.taken >= stand.taken:
                break
        else:
            kept.append(stand)
    return kept


def _soonest(stand: Stand) -> tuple[int, int, int]:
    return stand.finish_s, stand.late, -stand.taken


def _route(crew: Crew, orders: Sequence[Order], legs: Sequence[Leg], final: Stand) -> Route:
    chain = [final]
    while chain[-1].before is not None:
        chain.append(chain[-1].before)
    chain.reverse()
    visits = tuple(
        _visit(before, now, order, leg)
        for before, now, order, leg in zip(chain, chain[1:-1], orders, legs[:-1], strict=False)
    )
    travel_s = sum(leg.travel_s for leg in legs)
    return Route(
        crew_id=crew.id,
        visits=visits,
        breaks=tuple(rest for stand in chain for rest in stand.rests),
        end_s=final.finish_s,
        travel_s=travel_s,
        load_s=travel_s + sum(leg.setup_s for leg in legs) + sum(o.service_s for o in orders),
        overtime_s=max(0, final.finish_s - crew.shift[1]),
    )


def _visit(before: Stand, now: Stand, order: Order, leg: Leg) -> Visit:
    arrival = before.finish_s + leg.travel_s
    for rest in now.rests:
        if rest.start_s < arrival:
            arrival += rest.finish_s - rest.start_s
    resting = sum(rest.finish_s - rest.start_s for rest in now.rests)
    gap = now.start_s - before.finish_s
    return Visit(
        order_id=order.id,
        travel_s=leg.travel_s,
        arrival_s=arrival,
        setup_s=leg.setup_s,
        wait_s=gap - leg.travel_s - leg.setup_s - resting,
        start_s=now.start_s,
        finish_s=now.finish_s,
        late_s=0 if order.due_s is None else max(0, now.start_s - order.due_s),
    )
