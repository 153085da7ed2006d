"""The smallest change that would let an order in, found by pricing small changes again.

Each fix is timed exactly with everything else kept hard, and each amount is the least there: one
minute less was timed too and does not do. Windows are moved at one second of price a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dispatch.eject import displacements
from dispatch.gaps import FAR_S, Cells
from dispatch.insertions import Insertions
from dispatch.model import Crew, Order
from dispatch.plan import Reason
from dispatch.proposal import Proposal
from dispatch.trip import Shortfall
from dispatch.wording import reason

STEP_S = 60
"""People move windows by minutes: how near to the least an amount is brought."""
PLACES = 2
"""Positions timed per kind of fix."""
NEAR = 12
"""Crews whose orders may leave."""
LEAVERS = 2
"""Orders tried for leaving, per order that is left out."""


def fixes(
    insertions: Insertions, order: Order, short: Shortfall | None, *, others: bool = True
) -> list[Reason]:
    """Return what would let the order in, the smallest price first, one fix of each kind.

    `short` is what positions lack for it (`Positions.relaxed`). Without `others` no other order's
    leaving is priced. Only the smallest may cost more than leaving the order out.

    `price_s` of a fix is what the plan would cost more with it, the order's own saved penalty
    aside; a window that moves costs what it moves.
    """
    found = [] if short is None else list(_given(insertions, order, short))
    if others:
        found += _displaced(insertions, order, short, min(map(_price, found), default=None))
    found += _released(insertions, order)
    cheapest: dict[str, Reason] = {}
    for fix in sorted(found, key=_price):
        if not cheapest or _price(fix) <= order.priority_penalty:
            cheapest.setdefault(fix.code, fix)
    return list(cheapest.values())


def _price(fix: Reason) -> int:
    price = fix.detail["price_s"]
    assert isinstance(price, int)
    return price


def _given(insertions: Insertions, order: Order, short: Shortfall) -> Iterator[Reason]:
    """Some minutes of the order's own window, or of a crew's overtime."""
    calm = short.others_s == 0
    home = short.overtime_s == 0
    if order.window is not None:
        later = np.where(calm & home & (short.later_s > 0), short.later_s, FAR_S)
        yield from _window(insertions, order, short, later, "fix_window_later")
        yield from _window(insertions, order, short, short.earlier_s, "fix_window_earlier")
    over = np.where(calm & (short.later_s == 0) & ~home, short.overtime_s, FAR_S)
    for place in _least(short, over, insertions.problem.objective.overtime_per_mille):
        number, gap, amount_s = _entry(short, over, place)
        crew = insertions.problem.crews[number]

        def late(
            more_s: int, number: int = number, gap: int = gap, crew: Crew = crew
        ) -> Proposal | None:
            longer = replace(crew, overtime_s=crew.overtime_s + more_s)
            return insertions.at(order, number, gap, crew=longer)

        fix = _tight(late, amount_s)
        if fix is not None:
            proposal, more_s = fix
            yield _told("fix_overtime", proposal, proposal.added, more_s=more_s)
            return


def _window(
    insertions: Insertions, order: Order, short: Shortfall, amounts: Cells, code: str
) -> Iterator[Reason]:
    assert order.window is not None
    opens, closes = order.window
    for place in _least(short, amounts, 1000):
        number, gap, amount_s = _entry(short, amounts, place)

        def moved(by_s: int, number: int = number, gap: int = gap) -> Proposal | None:
            window = (
                (max(0, opens - by_s), closes)
                if code == "fix_window_earlier"
                else (opens, closes + by_s)
            )
            return insertions.at(replace(order, window=window), number, gap)

        fix = _tight(moved, amount_s)
        if fix is not None:
            proposal, by_s = fix
            yield _told(code, proposal, proposal.added + by_s, by_s=by_s)
            return


def _tight(timed: Callable[[int], Proposal | None], amount_s: int) -> tuple[Proposal, int] | None:
    """Return the least amount that does, to the minute, not above the one that is estimated.

    More never does harm, so halving finds it; usually one timing shows that a minute less fails.
    """
    best = timed(amount_s)
    if best is None:
        return None
    below, step = 0, STEP_S
    while amount_s - below > STEP_S:
        middle = max(below + 1, amount_s - step)
        proposal = timed(middle)
        if proposal is None:
            below, step = middle, max(STEP_S, (amount_s - middle) // 2)
        else:
            best, amount_s, step = proposal, middle, max(STEP_S, (middle - below) // 2)
    return best, amount_s


def _least(short: Shortfall, amounts: Cells, rate: int) -> list[int]:
    """The positions that ask for something at the least price, at `rate` per second."""
    able = np.flatnonzero(amounts < FAR_S)
    order = np.lexsort((amounts[able], short.price[able] + rate * amounts[able]))
    return [int(place) for place in able[order[:PLACES]]]


def _entry(short: Shortfall, amounts: Cells, place: int) -> tuple[int, int, int]:
    return int(short.crew[place]), int(short.gap[place]), int(amounts[place])


def _displaced(
    insertions: Insertions, order: Order, short: Shortfall | None, known: int | None
) -> list[Reason]:
    """Another order leaves: for later that day, for another crew, or for another day.

    With a fix `known` at some price only what is cheaper than that.
    """
    may_leave, found = ~insertions.weights.emergency, []
    below = None if known is None else 1000 * (known - order.priority_penalty)
    ways = displacements(
        insertions,
        order,
        may_leave,
        below=below,
        tries=LEAVERS,
        rows=_near(insertions, order, short),
    )
    for proposal in ways:
        out = proposal.ejected
        assert out is not None
        code = "fix_move_out" if out.crew_id is None else "fix_move_crew"
        if out.crew_id == out.from_crew:
            code = "fix_move_within"
        told = {"other": out.order_id, "to_crew": out.crew_id, "other_start_s": out.start_s}
        found.append(_told(code, proposal, proposal.added, **told))
    return found


def _near(insertions: Insertions, order: Order, short: Shortfall | None) -> NDArray[np.intp]:
    """The crews in whose days it would be cheapest, were there room."""
    open_to = insertions.open_to(order)
    if short is None or len(open_to) <= NEAR:
        return open_to
    crews = short.crew[np.argsort(short.price, kind="stable")].tolist()
    near = set(list(dict.fromkeys(crews))[:NEAR]) & set(open_to.tolist())
    return np.array(sorted(near), dtype=np.intp)


def _released(insertions: Insertions, order: Order) -> list[Reason]:
    """Without its pin or ban the order would fit."""
    pin = order.pinned_crew
    if pin is None and not order.forbidden_crews:
        return []
    free = replace(order, pinned_crew=None, forbidden_crews=frozenset())
    best = insertions.best(free, most=1, tries=PLACES).proposals
    return [_told("fix_release", best[0], best[0].added)] if best else []


def _told(code: str, proposal: Proposal, price_s: int, **detail: object) -> Reason:
    return reason(
        code,
        crew_id=proposal.crew_id,
        position=proposal.position,
        start_s=proposal.start_s,
        price_s=price_s,
        **detail,
    )
