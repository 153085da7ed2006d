"""Which order of a trip has the way: the oracle's reading of DOMAIN 5.1, "once per trip"."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Stay = dict[str, Any]


class Ways:
    """Crews' stays in buildings, as far as they are known."""

    def __init__(self) -> None:
        self.stays: dict[tuple[str, str], list[Stay]] = defaultdict(list)

    def arrive(self, step: Mapping[str, Any]) -> None:
        """A crew comes to a building; until it leaves it stays there."""
        stay = {"order": step["order"], "arrived": step["arrived"], "left": None, "fair": True}
        self._around(step).append(stay)

    def leave(self, step: Mapping[str, Any]) -> None:
        """It goes; only work that it completed makes the next way part of the trip."""
        mine = [stay for stay in self._around(step) if stay["order"] == step["order"]]
        mine[-1] |= {"left": step["left"], "fair": step["completed"]}

    def worth(self, order: Mapping[str, Any], distance: Mapping[str, Any]) -> Fraction:
        """What the way to an order is worth; nothing on a trip that another order has begun."""
        worth = Fraction(distance["zones"].get(order.get("zone", "urban"), 0))
        if "building" not in order:
            return worth
        if not any(stay["order"] == order["order"] for stay in self._around(order)):
            self.arrive(order)
            self.leave(order | {"left": order["done"], "completed": True})
        mine = (order["arrived"], order["order"])
        for stay in self._around(order):
            if stay["fair"] and (stay["arrived"], stay["order"]) < mine:
                left = stay["left"] or order["arrived"]
                gap = (order["arrived"] - left).total_seconds() / 60
                if stay["order"] != order["order"] and gap <= distance["same_trip_minutes"]:
                    return Fraction(0)
        return worth

    def _around(self, order: Mapping[str, Any]) -> list[Stay]:
        return self.stays[order["crew"], order["building"]]
