"""When the orders of a simulated day become known, as the house's rules have it.

An appointment is made before its slot begins, since nobody is offered one that has; an emergency
is called in the moment from which it may begin; all else comes at least an hour before its
deadline, and nothing but emergencies after 15:00.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from benchmarks.rich_generator import DAY, SLOT_S
from dispatch import Order

NOTICE_S: Final = 3_600
"""What has a deadline and no slot arrives at least this long before it."""
FIRST_S: Final = DAY[0] + 60
"""The first call of the day; all before it was known in the morning."""
LAST_S: Final = 54_000
"""Nothing but emergencies arrives after 15:00: later calls are tomorrow's."""


def arrivals(orders: Sequence[Order], dice: np.random.Generator) -> dict[str, int]:
    """Order id -> second of the day when it arrives, 0 when it was known in the morning.

    Exactly half of the orders come later, all emergencies among them, if so many can.
    """
    urgent = {order.id: order.opens_s for order in orders if order.emergency}
    drawn = {
        order.id: int(dice.integers(FIRST_S, latest_s(order)))
        for order in orders
        if order.id not in urgent and latest_s(order) > FIRST_S
    }
    missing = max(0, len(orders) // 2 - len(urgent))
    later = [str(name) for name in dice.permutation(list(drawn))[:missing]]
    morning = dict.fromkeys((order.id for order in orders), 0)
    return morning | urgent | {name: drawn[name] for name in later}


def latest_s(order: Order) -> int:
    """By when an order that is no emergency has arrived."""
    assert order.window is not None and order.due_s is not None
    if appointed(order):
        return min(LAST_S, order.opens_s)
    return min(LAST_S, order.window[1] - NOTICE_S, order.due_s - NOTICE_S)


def appointed(order: Order) -> bool:
    """True when the order has a slot: it is due as its two hours are over."""
    return not order.emergency and order.due_s == order.opens_s + SLOT_S
