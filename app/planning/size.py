"""How much one problem holds: its travel matrix grows with the square of the places."""

from collections.abc import Iterable

from app.planning import policy
from app.planning.errors import PlanTooLarge


def fits(orders: int, crews: int) -> bool:
    """Whether so many are planned as one problem."""
    return orders <= policy.MOST_ORDERS and crews <= policy.MOST_CREWS


def demand_plannable(stations: Iterable[tuple[int, int]]) -> None:
    """Refuse a subtree with a station of too many (orders, crews); raises PlanTooLarge.

    Any number of stations can be planned: those that do not fit together are planned in steps.
    """
    for orders, crews in stations:
        if not fits(orders, crews):
            raise PlanTooLarge(
                f"{orders} orders and {crews} crews at one station; one problem takes"
                f" {policy.MOST_ORDERS} and {policy.MOST_CREWS}.",
                orders=orders,
                crews=crews,
            )
