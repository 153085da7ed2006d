"""What the harness knows of the day: what it posted, what is true on site, what it saw done."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from app.core import clock
from app.demo.calls import Call
from app.demo.client import Caller
from app.demo.inputs import COMPANY_ZONE
from app.demo.promises import Promise
from app.demo.sites import Site

IN_FLIGHT = frozenset(
    {"DRAFT", "SENT", "ACCEPTED", "ENROUTE", "ONSITE", "WORKING", "DONE", "REVISIT"}
)
Order = dict[str, Any]


@dataclass(slots=True)
class Truth:
    """What lies behind one order: its call, the site, and how the customer will answer."""

    call: Call
    site: Site
    solved: bool
    rework: bool = False

    @property
    def not_ours(self) -> bool:
        """Whether a returned order really is not ours; else the next crew finds that it is."""
        return self.site.twist == "returned" and self.call.number % 2 == 0


@dataclass(slots=True)
class Board:
    """Shared by the people at desks; orders are refreshed by `read_orders`."""

    tell_phones: Callable[[bytes], None]
    shorten: float = 1.0
    """Factor on the true durations of the day."""
    truths: dict[str, Truth] = field(default_factory=dict)
    """By order id: those posted by the call centre, and their reworks."""
    orders: dict[str, Order] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    phone_counts: dict[str, int] = field(default_factory=dict)
    driven: dict[str, Any] = field(default_factory=dict)
    """What the phones' cars really drove; empty without a map."""
    promises: list[Promise] = field(default_factory=list)
    """What the service said of arrivals."""
    push_counts: dict[str, int] = field(default_factory=dict)
    calls_over: bool = False
    looks: int = 0
    unassigned: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Reasons of the last run, by order id."""

    def learn(self, order_id: str, truth: Truth) -> None:
        """Keep the truth of a new order and let the crews find it on site."""
        self.truths[order_id] = truth
        self.tell_phones(truth.site.line(order_id))

    async def read_orders(self, reader: Caller) -> None:
        """See where every order stands."""
        self.orders = {each["id"]: each for each in await reader.pages("/work-orders")}
        self.looks += 1

    async def count_plans(self, reader: Caller) -> None:
        """See how many plans were made, by the desk's wish or by events."""
        runs = await reader.pages("/planning-runs")
        self.counts["plans"] = sum(run["state"] == "published" for run in runs)

    def by_state(self) -> Counter[str]:
        """How many orders are in each state."""
        return Counter(order["state"] for order in self.orders.values())

    def settled(self) -> bool:
        """Whether nothing more will happen today: all ended, held until later, or refused."""
        if not self.calls_over or len(self.orders) < len(self.truths):
            return False
        return all(not self.is_moving(order) for order in self.orders.values())

    def is_moving(self, order: Order) -> bool:
        """Whether somebody still has to do something about the order today."""
        state = order["state"]
        if state == "HOLD":
            return bool(order["hold_until"][:16] < _tonight())
        return state in ("NEW", "RETURNED") or state in IN_FLIGHT


def _tonight() -> str:
    """The end of the company's day in UTC, as the wire writes it."""
    today = clock.now().astimezone(COMPANY_ZONE).date()
    midnight = datetime.combine(today + timedelta(days=1), time(), COMPANY_ZONE)
    return f"{midnight.astimezone(UTC):%Y-%m-%dT%H:%M}"
