"""Technician instances with lunch, deadlines and penalties: one JSON object, times from midnight.

How each field is read, exactly:

- `T` is `Problem.travel`; `xy` is for drawing only and `name` a label, neither is planned with.
- Technician k is crew "k": it starts and ends at `loc`, works from `v0` and is back by `v1`, with
  no overtime. `lunch` [earliest start, latest start, duration] is one `Break`; an earliest start
  before `v0` is `v0`, which is what it means.
- Order n is order "n": `svc` is its work, `a`..`b` its hard window, `d` its soft deadline, each for
  the start of the work. `P` seconds is the price of leaving it out. `w`, the price of a second of
  lateness, becomes a rate per mille: 0.5 is 500; a `w` with more than three decimals is refused.
  `skills` must all be held by one technician. `pr` E marks an emergency, which is inserted first;
  E, H and N carry no price of their own. `hard` is a mark of the generator without a rule.
- The objective is J: unserved penalties, lateness and driving; `fairness` 0.1 makes it JF.

So `Plan.total / 60` is J (or JF) in minutes, as its evaluator computes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dispatch.formats.fields import known_fields, listed, matrix, wanted, whole
from dispatch.model import Break, Crew, Objective, Order
from dispatch.plan import Plan
from dispatch.problem import Problem
from dispatch.refused import demand

_ROOT = ("name", "T", "xy", "techs", "orders")
_TECHNICIAN = ("loc", "skills", "v0", "v1", "lunch")
_ORDER = ("loc", "svc", "skills", "a", "b", "d", "w", "P", "pr", "hard")
_ACTION = "The rich format has no such field; take it out."


def read_rich(instance: Any, *, fairness: float = 0.0) -> Problem:
    """Return the problem that a rich instance states; its price is J (JF with `fairness` 0.1).

    Raises `ProblemRefused` for a field that is unknown, missing or malformed.
    """
    given = known_fields("the instance", instance, _ROOT, _ACTION)
    techs = listed("techs", wanted("the instance", given, "techs"))
    orders = listed("orders", wanted("the instance", given, "orders"))
    return Problem(
        orders=tuple(_order(number, each) for number, each in enumerate(orders)),
        crews=tuple(_crew(number, each) for number, each in enumerate(techs)),
        travel=matrix("T", wanted("the instance", given, "T")),
        objective=Objective(
            overtime_per_mille=0, move=0, spread_per_mille=_per_mille("fairness", fairness)
        ),
    )


def write_rich(problem: Problem, plan: Plan) -> list[list[int]]:
    """Return one list of order numbers per technician, in driving order."""
    sequences = plan.sequences
    return [[int(order_id) for order_id in sequences[crew.id]] for crew in problem.crews]


def places_of(instance: Mapping[str, Any]) -> list[tuple[float, float]] | None:
    """Return `xy`, one point per place, for drawing; None when the instance has none."""
    points = instance.get("xy")
    return None if points is None else [(float(x), float(y)) for x, y in points]


def _order(number: int, given: Any) -> Order:
    name = f"order {number}"
    job = known_fields(name, given, _ORDER, _ACTION)

    def seconds(field: str) -> int:
        return whole(f"{name}: {field}", wanted(name, job, field))

    return Order(
        id=str(number),
        place=seconds("loc"),
        service_s=seconds("svc"),
        priority_penalty=seconds("P"),
        window=(seconds("a"), seconds("b")),
        due_s=None if job.get("d") is None else seconds("d"),
        late_per_mille=_per_mille(f"{name}: w", job.get("w", 0)),
        skills=tuple((skill, 1) for skill in _skills(name, job)),
        emergency=job.get("pr") == "E",
    )


def _crew(number: int, given: Any) -> Crew:
    name = f"technician {number}"
    tech = known_fields(name, given, _TECHNICIAN, _ACTION)
    shift = tuple(whole(f"{name}: {field}", wanted(name, tech, field)) for field in ("v0", "v1"))
    place = whole(f"{name}: loc", wanted(name, tech, "loc"))
    return Crew(
        id=str(number),
        start_place=place,
        end_place=place,
        shift=(shift[0], shift[1]),
        breaks=_lunch(name, tech.get("lunch"), shift[0]),
        skills=dict.fromkeys(_skills(name, tech), 1),
    )


def _lunch(name: str, given: Any, starts_s: int) -> tuple[Break, ...]:
    if given is None:
        return ()
    numbers = [whole(f"{name}: lunch", value) for value in listed(f"{name}: lunch", given)]
    demand(
        len(numbers) == 3 and numbers[1] >= starts_s,
        "lunch_impossible",
        f"{name}: lunch is {given} and the shift begins at {starts_s}.",
        "Give [earliest start, latest start, duration] inside the shift.",
    )
    earliest_s, latest_s, duration_s = numbers
    return (Break(earliest_s=max(earliest_s, starts_s), latest_s=latest_s, duration_s=duration_s),)


def _skills(name: str, given: Mapping[str, Any]) -> list[str]:
    skills = listed(f"{name}: skills", wanted(name, given, "skills"))
    return [str(skill) for skill in sorted({whole(f"{name}: skills", each) for each in skills})]


def _per_mille(name: str, rate: Any) -> int:
    per_mille = 1000 * float(rate) if isinstance(rate, (int, float)) else -1.0
    rounded = round(per_mille) if math.isfinite(per_mille) else -1
    demand(
        rounded >= 0 and abs(per_mille - rounded) < 1e-6,
        "rate_too_fine",
        f"{name} is {rate!r}.",
        "Give a rate of at least 0 with at most three decimals.",
    )
    return rounded
