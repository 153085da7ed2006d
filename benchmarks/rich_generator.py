"""Fresh rich instances: a day of field repair with buildings, skills, lunch and deadlines.

    python -m benchmarks.rich_generator --orders 200 --family tight --seed 7 [--hard] > day.json

The numbers follow the published instances: a city of 15 x 15 km in clusters, about 0.46 buildings
per order of which few hold many, a tenth emergencies, three tenths high, 40 % with an
appointment. `--hard` gives the same day with hard windows only and no lunch, which other solvers
can model too. The same arguments always give the same instance.
"""

import argparse
import json
from typing import Any, Final, Literal, NamedTuple

import numpy as np

Family = Literal["tight", "relaxed"]
FAMILIES: Final[tuple[Family, ...]] = ("tight", "relaxed")

SIDE_KM: Final = 15.0
PER_KM_S: Final = 187.2
"""25 km/h over roads that are 1.3 times as long as the bee's line."""
PARKING_S: Final = 120
DAY: Final = (28_800, 64_800)
LUNCH: Final = (43_200, 48_600, 2_700)
ORDERS_PER_CREW: Final = {"tight": 14, "relaxed": 8}
ORDERS_PER_DEPOT: Final = {"tight": 125, "relaxed": 67}
SKILL_SHARES: Final = (0.36, 0.27, 0.215, 0.155)
SECOND_SKILL: Final = 0.07
CREW_SKILLS: Final = ((2, 0.55), (3, 0.33), (4, 0.12))
PENALTY: Final = {"E": 36_000, "H": 14_400, "N": 7_200}
PRIORITY_SHARES: Final = (("E", 0.1), ("H", 0.3), ("N", 0.6))
APPOINTMENTS: Final = 0.44
"""Share of the orders that are no emergency and have an appointment."""
HARD_APPOINTMENTS: Final = 0.72
SLOT_S: Final = 7_200
GRACE_S: Final = {"E": 3_600, "appointment": 1_800, "H": 1_800}
"""What a deadline is moved back by where it becomes hard."""


class Wish(NamedTuple):
    """When an order is wanted: opens, hard end, deadline, price per second after it."""

    opens_s: int
    closes_s: int
    due_s: int
    rate: float


def generate(
    orders: int, family: Family, seed: int, *, hard: bool = False, crews: int | None = None
) -> dict[str, Any]:
    """Return the instance; raises ValueError below 10 orders."""
    if orders < 10:
        raise ValueError(f"{orders} orders are no day: give at least 10")
    dice = np.random.default_rng([seed, orders, FAMILIES.index(family)])
    crews = crews or round(orders / ORDERS_PER_CREW[family])
    depots = max(2, round(orders / ORDERS_PER_DEPOT[family]))
    xy, at = _city(dice, orders, depots)
    mark = "-H" if hard else ""
    return {
        "name": f"{family}-N{orders}-M{crews}-g{seed}{mark}",
        "T": _travel(xy).tolist(),
        "xy": [[round(float(x), 3), round(float(y), 3)] for x, y in xy],
        "techs": [_technician(dice, number, depots, hard=hard) for number in range(crews)],
        "orders": [_order(dice, depots + int(place), hard=hard) for place in at],
    }


def _city(dice: np.random.Generator, orders: int, depots: int) -> tuple[Any, Any]:
    """Depots first, then the buildings that have orders; and each order's building."""
    centres = dice.uniform(0.2 * SIDE_KM, 0.8 * SIDE_KM, size=(max(3, round(orders**0.4)), 2))
    pool = max(6, round(0.8 * orders))
    around = centres[dice.integers(0, len(centres), pool)] + dice.normal(0, 1.6, size=(pool, 2))
    anywhere = dice.uniform(0, SIDE_KM, size=(pool, 2))
    buildings = np.where(dice.random((pool, 1)) < 0.6, around, anywhere).clip(0.05, SIDE_KM - 0.15)
    popular = dice.lognormal(0.0, 0.9, pool)
    drawn = dice.choice(pool, size=orders, p=popular / popular.sum())
    used, at = np.unique(drawn, return_inverse=True)
    starts = dice.uniform(0.2 * SIDE_KM, 0.8 * SIDE_KM, size=(depots, 2))
    return np.vstack([starts, buildings[used]]).round(3), at


def _travel(xy: Any) -> Any:
    far = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    seconds = np.rint(PARKING_S + PER_KM_S * far).astype(np.int64)
    np.fill_diagonal(seconds, 0)
    return seconds


def _technician(
    dice: np.random.Generator, number: int, depots: int, *, hard: bool
) -> dict[str, Any]:
    begins, ends = DAY
    shift = float(dice.random())
    if shift < 0.2:
        begins += 3_600
    elif shift < 0.4:
        ends -= 3_600
    shares = [share for _, share in CREW_SKILLS]
    if number == 0:
        skills = [0, 1]
    elif number == 1:
        skills = [2, 3]  # the first two hold every skill between them
    else:
        count = CREW_SKILLS[int(dice.choice(len(shares), p=shares))][0]
        skills = sorted(dice.permutation(4)[:count].tolist())
    return {
        "loc": number % depots,
        "skills": skills,
        "v0": begins,
        "v1": ends - (LUNCH[2] if hard else 0),
        "lunch": None if hard else list(LUNCH),
    }


def _order(dice: np.random.Generator, place: int, *, hard: bool) -> dict[str, Any]:
    shares = [share for _, share in PRIORITY_SHARES]
    priority = PRIORITY_SHARES[int(dice.choice(len(shares), p=shares))][0]
    skills = [int(dice.choice(4, p=SKILL_SHARES))]
    if dice.random() < SECOND_SKILL:
        skills = sorted({*skills, int(dice.integers(0, 4))})
    service_s = int(dice.integers(4, 13)) * 300
    wish = _wish(dice, priority, hard=hard)
    return {
        "loc": place,
        "svc": service_s,
        "skills": skills,
        "a": wish.opens_s,
        "b": wish.closes_s,
        "d": wish.due_s,
        "w": wish.rate,
        "pr": priority,
        "P": PENALTY[priority],
    }


def _wish(dice: np.random.Generator, priority: str, *, hard: bool) -> Wish:
    """The order's times; `hard` changes what a deadline means, never what is drawn."""
    begins, ends = DAY
    if priority == "E":
        called = int(dice.integers(begins, ends - 7_200))
        due = called + int(dice.integers(45, 61)) * 60
        return _soft(called, due, 5.0, GRACE_S["E"], hard=hard)
    slot = begins + 3_600 * int(dice.integers(0, 9))
    appointed, firm = dice.random() < APPOINTMENTS, dice.random() < HARD_APPOINTMENTS
    due = int(dice.integers(begins + 10_800, ends - 1_800))
    if appointed and (firm or slot + SLOT_S >= ends):
        return Wish(slot, slot + SLOT_S, slot + SLOT_S, 0.0)
    if appointed:
        return _soft(slot, slot + SLOT_S, 1.0, GRACE_S["appointment"], hard=hard)
    if priority == "H":
        return _soft(begins, due, 1.0, GRACE_S["H"], hard=hard)
    return Wish(begins, ends, ends, 0.0 if hard else 0.5)


def _soft(opens_s: int, due_s: int, rate: float, grace_s: int, *, hard: bool) -> Wish:
    if not hard:
        return Wish(opens_s, DAY[1], due_s, rate)
    closes_s = min(DAY[1], due_s + grace_s)
    return Wish(opens_s, closes_s, closes_s, 0.0)


def main() -> None:
    """Print one instance as JSON."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--orders", type=int, default=200)
    ask.add_argument("--family", choices=FAMILIES, default="tight")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--hard", action="store_true")
    ask.add_argument("--crews", type=int)
    asked = ask.parse_args()
    print(json.dumps(generate(**vars(asked))))


if __name__ == "__main__":
    main()
