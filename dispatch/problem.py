"""The whole question: orders, crews and travel times that fit together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dispatch.model import Crew, Objective, Order
from dispatch.refused import LONGEST_S, demand

UNREACHABLE_S = LONGEST_S
"""A travel time of this much or more means that no road leads there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """An immutable planning problem; picklable, so that a worker's subprocess can solve it.

    `travel[a, b]` is int32 seconds from place a to place b, `UNREACHABLE_S` where no road leads.
    Raises `ProblemRefused` with a stable code when the parts do not fit together.
    """

    orders: tuple[Order, ...]
    crews: tuple[Crew, ...]
    travel: NDArray[np.int32]
    objective: Objective = field(default_factory=Objective)

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", tuple(self.orders))
        object.__setattr__(self, "crews", tuple(self.crews))
        _demand_matrix(self.travel)
        _demand_unique("order", (order.id for order in self.orders))
        _demand_unique("crew", (crew.id for crew in self.crews))
        self._demand_places()
        self._demand_locks()
        self._demand_sequences()

    @cached_property
    def order_by_id(self) -> dict[str, Order]:
        """Order id -> order."""
        return {order.id: order for order in self.orders}

    @cached_property
    def crew_by_id(self) -> dict[str, Crew]:
        """Crew id -> crew."""
        return {crew.id: crew for crew in self.crews}

    @cached_property
    def locked_crew(self) -> dict[str, str]:
        """Locked order id -> the crew that has accepted it."""
        return {order_id: crew.id for crew in self.crews for order_id in crew.locked}

    @cached_property
    def pinned_crew(self) -> dict[str, str]:
        """Order id -> the one crew that may have it, by `Order.pinned_crew` or `Crew.sequence`."""
        pins = {o.id: o.pinned_crew for o in self.orders if o.pinned_crew is not None}
        return pins | {order_id: crew.id for crew in self.crews for order_id in crew.sequence}

    def counts_as_moved(self, order: Order, crew_id: str) -> bool:
        """True when this crew takes a published order of a colleague's `Objective.most_moves`."""
        owner = order.current_crew
        if owner is None or owner == crew_id or owner not in self.crew_by_id:
            return False
        return order.id not in self.locked_crew and order.id not in self.pinned_crew

    def _demand_places(self) -> None:
        places = [(f"order {order.id}", order.place) for order in self.orders]
        for crew in self.crews:
            ends = (crew.start_place, crew.end_place, crew.available_at)
            places += [(f"crew {crew.id}", place) for place in ends if place is not None]
        count = self.travel.shape[0]
        for owner, place in places:
            demand(
                place < count,
                "place_unknown",
                f"{owner} is at place {place}, the travel matrix has {count}.",
                "Give the row number of a place in the matrix.",
            )

    def _demand_locks(self) -> None:
        locks = [(order_id, crew.id) for crew in self.crews for order_id in crew.locked]
        _demand_unique("locked order", (order_id for order_id, _ in locks))
        for order_id, crew_id in locks:
            demand(
                order_id in self.order_by_id,
                "locked_order_unknown",
                f"Crew {crew_id} has accepted order {order_id}, which is not in the problem.",
                "Add the order, or take it out of the crew's locked ones.",
            )
            pinned = self.order_by_id[order_id].pinned_crew
            demand(
                pinned in (None, crew_id),
                "locked_and_pinned_elsewhere",
                f"Order {order_id} was accepted by {crew_id} and is pinned to {pinned}.",
                "Withdraw it from the one before pinning it to the other.",
            )
        for crew in self.crews:
            self._demand_drivable(crew)

    def _demand_sequences(self) -> None:
        named = [(order_id, crew.id) for crew in self.crews for order_id in crew.sequence]
        _demand_unique("sequenced order", (order_id for order_id, _ in named))
        for order_id, crew_id in named:
            demand(
                order_id in self.order_by_id,
                "sequenced_order_unknown",
                f"Crew {crew_id} must visit order {order_id}, which is not in the problem.",
                "Add the order, or take it out of the crew's sequence.",
            )
            demand(
                order_id not in self.locked_crew,
                "sequenced_and_locked",
                f"Order {order_id} of crew {crew_id}'s sequence was accepted already.",
                "Take it out of the sequence: accepted orders come first anyway.",
            )
            order = self.order_by_id[order_id]
            free = order.pinned_crew in (None, crew_id) and crew_id not in order.forbidden_crews
            demand(
                free,
                "sequenced_elsewhere",
                f"Order {order_id} is in crew {crew_id}'s sequence and kept from that crew.",
                "Lift the pin or the ban, or take it out of the sequence.",
            )

    def _demand_drivable(self, crew: Crew) -> None:
        stops = [crew.ready_place, *(self.order_by_id[name].place for name in crew.locked)]
        if crew.end_place is not None and (crew.locked or crew.is_away):
            stops.append(crew.end_place)
        for here, there in itertools.pairwise(stops):
            demand(
                int(self.travel[here, there]) < UNREACHABLE_S,
                "locked_out_of_reach" if crew.locked else "home_out_of_reach",
                f"Crew {crew.id} has to drive from {here} to {there}, but no road leads there.",
                "Estimate the travel time, withdraw the order, or ask for no end place.",
            )


def _demand_unique(kind: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        demand(
            isinstance(name, str) and name != "",
            "id_empty",
            f"A {kind} has the id {name!r}.",
            "Give every id as a non-empty string.",
        )
        demand(
            name not in seen,
            "id_repeated",
            f"The {kind} {name} appears twice.",
            "Give each one once.",
        )
        seen.add(name)


def _demand_matrix(travel: NDArray[np.int32]) -> None:
    demand(
        isinstance(travel, np.ndarray) and travel.dtype == np.int32,
        "matrix_not_int32",
        f"The travel matrix is {getattr(travel, 'dtype', type(travel).__name__)}.",
        "Give whole seconds as a numpy int32 array.",
    )
    demand(
        travel.ndim == 2 and travel.shape[0] == travel.shape[1],
        "matrix_not_square",
        f"The travel matrix has the shape {travel.shape}.",
        "Give one row and one column per place.",
    )
    demand(
        travel.size == 0 or int(travel.min()) >= 0,
        "matrix_negative",
        "A travel time is negative.",
        f"Use {UNREACHABLE_S} where no road leads.",
    )
