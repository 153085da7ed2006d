"""Who may have an order at all, said once: skills, size, locks, pins and bans.

The search, insertion, reasons and the service's own filter ask here; the independent check does
not, on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.model import Order
from dispatch.problem import Problem


class Needs(Protocol):
    """What an order asks of a crew, whoever describes it."""

    @property
    def skills(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def crew_size(self) -> int: ...
    @property
    def pinned_crew(self) -> str | None: ...
    @property
    def forbidden_crews(self) -> frozenset[str]: ...


class Team(Protocol):
    """What a crew has to offer, whoever describes it."""

    @property
    def skills(self) -> Mapping[str, int]: ...
    @property
    def size(self) -> int: ...


def lacking(order: Needs, crew: Team) -> dict[str, int]:
    """Return what the crew is short of: skill -> missing holders, and `crew_size` -> members."""
    short = {
        skill: count - crew.skills.get(skill, 0)
        for skill, count in order.skills
        if crew.skills.get(skill, 0) < count
    }
    if crew.size < order.crew_size:
        short["crew_size"] = order.crew_size - crew.size
    return short


def may_have(order: Needs, crew: Team, crew_id: str) -> bool:
    """True when skills, size, pin and ban leave this crew open to an order nobody has accepted."""
    if order.pinned_crew not in (None, crew_id) or crew_id in order.forbidden_crews:
        return False
    return not lacking(order, crew)


class Roster:
    """The crews of a problem, asked who may have an order: one answer per crew, by position."""

    def __init__(self, problem: Problem) -> None:
        self._crews = problem.crews
        self._number = {crew.id: number for number, crew in enumerate(problem.crews)}
        self._locked = problem.locked_crew
        self._sequenced = {name: crew.id for crew in problem.crews for name in crew.sequence}
        self._able: dict[tuple[object, int], NDArray[np.bool_]] = {}

    def pin(self, order: Order) -> str | None:
        """Return the one crew that may have the order, if it is pinned or in a crew's sequence."""
        return order.pinned_crew or self._sequenced.get(order.id)

    def may_have(self, order: Order) -> NDArray[np.bool_]:
        """Which crews may have the order; what is accepted is a fact, whatever the crew lacks."""
        accepted = self._locked.get(order.id)
        if accepted is not None:
            return self._only(accepted)
        mask = self._skilled(order).copy()
        pin = self.pin(order)
        if pin is not None:
            mask &= self._only(pin)
        for crew_id in order.forbidden_crews & self._number.keys():
            mask[self._number[crew_id]] = False
        return mask

    def _skilled(self, order: Order) -> NDArray[np.bool_]:
        """Skills and size; worked out once for all orders that ask for the same."""
        needs = (order.skills, order.crew_size)
        if needs not in self._able:
            able = [not lacking(order, crew) for crew in self._crews]
            self._able[needs] = np.array(able, dtype=np.bool_)
        return self._able[needs]

    def _only(self, crew_id: str) -> NDArray[np.bool_]:
        mask = np.zeros(len(self._crews), dtype=np.bool_)
        if crew_id in self._number:
            mask[self._number[crew_id]] = True
        return mask


def table(roster: Roster, orders: Sequence[Order], crews: int) -> NDArray[np.bool_]:
    """[order, crew]: who may have which."""
    if not orders:
        return np.zeros((0, crews), dtype=np.bool_)
    return np.stack([roster.may_have(order) for order in orders])
