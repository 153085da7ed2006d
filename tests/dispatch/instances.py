"""Small planning problems whose answers can be worked out by hand.

Places lie on a line, one minute apart; shifts are 08:00-16:00 counted from midnight.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch import Break, Budget, Crew, Objective, Order, Plan, Problem, check, solve

HOUR = 3600
EIGHT = 8 * HOUR
SIXTEEN = 16 * HOUR
QUICK = Budget(seconds=0.3)
PLAIN = Objective(travel_per_mille=1000, overtime_per_mille=2000, move=0, spread_per_mille=0)


def line(places: int = 61) -> NDArray[np.int32]:
    at = np.arange(places, dtype=np.int32)
    return np.abs(at[:, None] - at[None, :]) * np.int32(60)


def order(name: str, place: int = 10, **given: Any) -> Order:
    values = {"service_s": 1800, "priority_penalty": 36000} | given
    return Order(id=name, place=place, **values)


def crew(name: str = "c1", **given: Any) -> Crew:
    values = {"start_place": 0, "end_place": 0, "shift": (EIGHT, SIXTEEN)} | given
    return Crew(id=name, **values)


def problem(
    orders: Iterable[Order], crews: Iterable[Crew] | None = None, objective: Objective = PLAIN
) -> Problem:
    teams = [crew()] if crews is None else crews
    return Problem(orders=tuple(orders), crews=tuple(teams), travel=line(), objective=objective)


def solved(question: Problem, **given: Any) -> Plan:
    """Solve quickly and insist that the independent check finds nothing."""
    plan = solve(question, QUICK, **given)
    assert check(question, plan) == []
    return plan


def scattered(orders: int, crews: int, seed: int) -> Problem:
    """A mixed day: windows, deadlines, skills, pairs, breaks, buildings, a published plan."""
    dice = np.random.default_rng(seed)
    xy = dice.uniform(0, 3000, size=(40, 2))
    travel = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1)).astype(np.int32)
    return Problem(
        orders=tuple(_mixed_order(number, crews, dice) for number in range(orders)),
        crews=tuple(_mixed_crew(number) for number in range(crews)),
        travel=travel,
    )


def _mixed_order(number: int, crews: int, dice: np.random.Generator) -> Order:
    opens = EIGHT + int(dice.integers(0, 6)) * HOUR
    kind = int(dice.integers(0, 4))
    return order(
        f"o{number}",
        int(dice.integers(0, 40)),
        service_s=int(dice.integers(10, 60)) * 60,
        setup_s=300,
        building=f"b{int(dice.integers(0, 20))}",
        window=(opens, opens + 2 * HOUR) if kind == 0 else None,
        due_s=opens + HOUR if kind else None,
        late_per_mille=500 * kind,
        waiting_per_mille=0 if kind else 20,
        skills=(("PL", 1 + (kind == 3)),) if kind > 1 else (),
        crew_size=1 + (kind == 3),
        area=f"a{number % 3}",
        current_crew=f"c{int(dice.integers(0, crews))}" if number % 2 else None,
        move_s=100 if number % 3 else None,
    )


def _mixed_crew(number: int) -> Crew:
    return crew(
        f"c{number}",
        start_place=number % 3,
        end_place=None if number % 4 == 0 else number % 3,
        overtime_s=HOUR,
        breaks=(Break(earliest_s=12 * HOUR, latest_s=13 * HOUR, duration_s=1800),),
        skills={"PL": 2} if number % 2 else {"PL": 1},
        size=2,
        area_cost={f"a{(number + 1) % 3}": 300},
        load_s=number * 600,
        available_at=20 if number % 5 == 1 else None,
    )
