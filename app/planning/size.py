"""How much one run plans: its travel matrix grows with the square of the places."""

from app.planning import policy
from app.planning.errors import PlanTooLarge


def demand_plannable(orders: int, crews: int) -> None:
    """Refuse more than `policy.MOST_ORDERS` or `policy.MOST_CREWS`; raises PlanTooLarge."""
    if orders > policy.MOST_ORDERS or crews > policy.MOST_CREWS:
        raise PlanTooLarge(
            f"{orders} orders and {crews} crews; one plan takes"
            f" {policy.MOST_ORDERS} and {policy.MOST_CREWS}.",
            orders=orders,
            crews=crews,
        )
