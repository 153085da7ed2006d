"""Exact times for a crew's sequence of orders: when to rest so that waiting costs least.

A crew leaves as soon as it can. A rest falls into one gap between two stops (also before the first
or on the way home) and may interrupt the drive, so a gap takes
`max(drive + set-up + rests, end of the last rest)`. Which gap is best is not greedy: an early rest
may make one order late, a late one another. Therefore every position keeps all undominated pairs
of (time, price of lateness and waiting) per number of rests taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

from dispatch.model import Break, Crew, Order
from dispatch.plan import Route, TakenBreak, Visit
from dispatch.problem import UNREACHABLE_S, Problem

_new_stand = tuple.__new__
"""Makes a `Stand` of a tuple in half the time of its class, which would check the length."""


class Stand(NamedTuple):
    """Where a timing stands after a stop; `late` is the price so far in thousandths."""

    finish_s: int
    late: int
    owed: int
    """How many rests are still to be taken."""
    start_s: int
    rests: tuple[TakenBreak, ...]
    """Those taken on the way to the stop."""
    before: Stand | None


Leg = tuple[int, int]
"""What lies between two stops: seconds of driving, seconds of set-up."""


def legs_of(problem: Problem, crew: Crew, orders: Sequence[Order]) -> list[Leg]:
    """Drive and set-up before each order, and the way home last."""
    drive_s, place, building = problem.travel.item, crew.ready_place, crew.in_building
    legs = []
    for order in orders:
        inside = order.building is not None and order.building == building
        legs.append((drive_s(place, order.place), 0 if inside else order.setup_s))
        place, building = order.place, order.building
    home = 0 if crew.end_place is None else drive_s(place, crew.end_place)
    return [*legs, (home, 0)]


def idle_route(problem: Problem, crew: Crew) -> Route:
    """What the crew does without orders: nothing, or the way home if it has set out."""
    if not crew.is_away:
        return Route(crew_id=crew.id, end_s=crew.ready_s)
    ((home_s, _),) = legs_of(problem, crew, [])
    end_s = crew.ready_s + home_s
    return Route(
        crew_id=crew.id,
        end_s=end_s,
        travel_s=home_s,
        load_s=home_s,
        overtime_s=max(0, end_s - crew.shift[1]),
    )


class Walk:
    """What is known of how a crew's sequences begin, so that the next one goes on from there.

    For timing many sequences of one crew that differ in a stop or two.
    """

    def __init__(self) -> None:
        self._crew: Crew | None = None
        self._orders: Sequence[Order] = []
        self._stands: list[list[Stand]] = []

    def shared(self, crew: Crew, orders: Sequence[Order]) -> list[list[Stand]]:
        """Return the undominated stands before the first of these stops, after it, ...

        As far as they are known: none for a new crew.
        """
        if self._crew is not crew and not _starts_alike(self._crew, crew):
            self._orders, self._stands = [], []
        self._crew = crew
        return self._stands[: _alike(self._orders, orders) + 1]

    def learn(self, orders: Sequence[Order], walked: list[list[Stand]]) -> None:
        """Keep the stands around the first of these stops; a longer way that begins so stays.

        `walked` is what `shared` gave, continued.
        """
        if not walked:
            return
        known = min(len(orders), len(walked) - 1)
        if _alike(self._orders, orders[:known]) < known or not self._stands:
            self._orders, self._stands = orders[:known], walked[: known + 1]


def _alike(some: Sequence[Order], others: Sequence[Order]) -> int:
    """How many orders both begin with, none of them with other properties."""
    same = 0
    for one, other in zip(some, others, strict=False):
        if one is not other:
            break
        same += 1
    return same


def _starts_alike(one: Crew | None, other: Crew) -> bool:
    """True when both crews stand alike after any stops: the end of the shift may differ."""
    return one is not None and replace(one, overtime_s=other.overtime_s) == other


def time_route(
    problem: Problem,
    crew: Crew,
    order_ids: Sequence[str],
    *,
    limits: bool = True,
    walked: list[list[Stand]] | None = None,
) -> Route | None:
    """Return the cheapest timing of the sequence, or None when it breaks a hard rule.

    The crew's own `sequence` is such a rule: its orders may be missing but not swapped. With
    `limits=False` no window closes and overtime has no end: what would it take? `walked` is what is
    known of the first stops with the same `limits` (see `Walk`) and is continued.
    """
    if not order_ids:
        return idle_route(problem, crew)
    orders = [problem.order_by_id[order_id] for order_id in order_ids]
    legs = legs_of(problem, crew, orders)
    if any(travel_s >= UNREACHABLE_S for travel_s, _ in legs):
        return None
    if limits and not (_in_sequence(crew, order_ids) and _holds(crew, orders)):
        return None
    over_rate = problem.objective.overtime_per_mille
    stands = [] if walked is None else walked
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
        walked.append([Stand(crew.ready_s, 0, len(rests), crew.ready_s, (), None)])
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
    ends = [end for end in _after(stands, rests, legs[-1], None, last) if end.owed == 0]

    def price(stand: Stand) -> tuple[int, int]:
        over_s = max(0, stand.finish_s - crew.shift[1])
        return (stand.late + (over_rate or 0) * over_s, stand.finish_s)

    return min(ends, key=price, default=None)


def _after(
    stands: Sequence[Stand],
    rests: Sequence[Break],
    leg: Leg,
    order: Order | None,
    latest: int | None,
) -> list[Stand]:
    """Every stand after the leg and the order begun by `latest`; after the way home for None.

    A rest that may begin only when the order is done is not put before it: on the way to the next
    stop it ends no later, and nothing starts later.
    """
    opens = due = rate = service_s = 0
    if order is not None:
        opens, service_s = order.opens_s, order.service_s
        due, rate = order.delay_price
    busy_s, found = sum(leg), []
    for stand in stands:
        clock, late, owed = stand.finish_s, stand.late, stand.owed
        taken: tuple[TakenBreak, ...] = ()
        ready = busy = clock + busy_s
        while True:  # with no rest on the way, then with one, ...
            start = ready if ready > opens else opens
            if latest is None or start <= latest:
                more = rate * (start - due) if start > due else 0
                stands_so = (start + service_s, late + more, owed, start, taken, stand)
                found.append(_new_stand(Stand, stands_so))
            if owed == 0:
                break
            rest = rests[-owed]
            if order is not None and start + service_s <= rest.earliest_s:
                break
            begin = clock if clock > rest.earliest_s else rest.earliest_s
            if begin > rest.latest_s:
                break
            clock = begin + rest.duration_s
            busy += rest.duration_s
            ready, owed = max(busy, clock), owed - 1
            taken = (*taken, TakenBreak(begin, clock))
    return found


def _undominated(stands: list[Stand]) -> list[Stand]:
    """Drop each stand that another one equals or beats in time, price and rests taken."""
    if len(stands) < 2:
        return stands
    stands.sort(key=_soonest)
    kept = [stands[0]]
    for stand in stands[1:]:
        late, owed = stand.late, stand.owed
        for best in kept:
            if best.late <= late and best.owed <= owed:
                break
        else:
            kept.append(stand)
    return kept


_soonest = itemgetter(0, 1, 2)
"""Sort key: time, price, rests owed."""


def _route(crew: Crew, orders: Sequence[Order], legs: Sequence[Leg], final: Stand) -> Route:
    chain = [final]
    while chain[-1].before is not None:
        chain.append(chain[-1].before)
    chain.reverse()
    visits = tuple(map(_visit, chain, chain[1:-1], orders, legs))
    travel_s = sum(travel_s for travel_s, _ in legs)
    return Route(
        crew_id=crew.id,
        visits=visits,
        breaks=tuple(rest for stand in chain for rest in stand.rests),
        end_s=final.finish_s,
        travel_s=travel_s,
        load_s=travel_s + sum(setup_s for _, setup_s in legs) + sum(o.service_s for o in orders),
        overtime_s=max(0, final.finish_s - crew.shift[1]),
    )


def _visit(before: Stand, now: Stand, order: Order, leg: Leg) -> Visit:
    travel_s, setup_s = leg
    left_s, start_s = before.finish_s, now.start_s
    arrival_s, resting_s = left_s + travel_s, 0
    for rest_start_s, rest_finish_s in now.rests:
        lasts_s = rest_finish_s - rest_start_s
        resting_s += lasts_s
        if rest_start_s < arrival_s:
            arrival_s += lasts_s
    wait_s = start_s - left_s - travel_s - setup_s - resting_s
    late_s = 0 if order.due_s is None or start_s < order.due_s else start_s - order.due_s
    times = (travel_s, arrival_s, setup_s, wait_s, start_s, now.finish_s, late_s)
    return Visit._make((order.id, *times))
