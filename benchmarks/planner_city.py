"""A whole city of stations: each alone, and with neighbours that lend crews, in the same seconds.

A SIMULATED city: stations on a grid, 6 km apart, with 200 orders each and unequally many crews.
*Alone*, every station gets S seconds. *Together*, the city is planned as the
service plans a subtree that is too large for one problem (`dispatch.City`): every station for half
of the seconds, then each pair of neighbours as one, warm from what stands, in the other half. As in
the service an order that another station's crew serves costs `policy.LENDING_PRICE_S` in the
search. J is over the city, without that price; beside it stands how many orders were lent.

The same seconds are search seconds; steps at borders are made, checked and explained besides. So
the smallest city is also planned alone for as long as together took on the clock, and once more
with equally many crews at every station: how much of the gain comes from the imbalance.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np

import dispatch
from app.planning.policy import LENDING_PRICE_S
from benchmarks.planner_ours import planned
from benchmarks.rich_generator import PARKING_S, PER_KM_S, SIDE_KM, generate
from benchmarks.rich_price import price
from dispatch import Region
from dispatch.formats import read_rich
from dispatch.regions import Group

TILE_KM: Final = 6.0
ORDERS: Final = 200
CREWS: Final = (12, 22)
"""Fewest and most crews of a station; 14 is tight, 20 has room."""
EQUAL_CREWS: Final = sum(CREWS) // 2
MOST: Final = (1_500, 150)
"""Orders and crews of the largest problem, as in the service."""

Routes = dict[int, list[int]]
"""Technician number -> order numbers, both of the city."""


class City(NamedTuple):
    """All stations in one numbering."""

    wide: int
    xy: Any
    techs: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    tech_station: list[int]
    order_station: list[int]

    @property
    def stations(self) -> int:
        """How many there are."""
        return max(self.order_station) + 1

    def j(self, routes: Mapping[int, Sequence[int]]) -> float:
        """J of the whole city in minutes; a plan that breaks a rule raises."""
        whole = {"T": _Ways(self.xy), "techs": self.techs, "orders": self.orders}
        return price(whole, [routes.get(number, []) for number in range(len(self.techs))]).j

    def lent(self, routes: Mapping[int, Sequence[int]]) -> int:
        """Orders that a crew of another station serves."""
        return sum(
            self.tech_station[crew] != self.order_station[number]
            for crew, numbers in routes.items()
            for number in numbers
        )


class _Ways:
    """`T[a][b]` of a city whose matrix would not fit: each way is computed when it is asked for."""

    def __init__(self, xy: Any) -> None:
        self._xy = xy

    def __getitem__(self, here: int) -> Mapping[int, int]:
        return _WaysFrom(self._xy, here)  # type: ignore[return-value]


class _WaysFrom:
    def __init__(self, xy: Any, here: int) -> None:
        self._xy, self._here = xy, here

    def __getitem__(self, there: int) -> int:
        return int(_travel(self._xy[[self._here, there]])[0, 1])


def _travel(xy: Any) -> Any:
    far = np.hypot(*(xy[:, None, :] - xy[None, :, :]).transpose(2, 0, 1))
    seconds = np.rint(PARKING_S + PER_KM_S * far).astype(np.int64)
    seconds[far == 0] = 0
    return seconds


def build(stations: int, seed: int, *, equal: bool = False) -> City:
    """Return a city of so many stations, `equal` in crews or not; the same seed gives the same."""
    dice = np.random.default_rng(seed)
    wide = math.isqrt(stations - 1) + 1
    points: list[Any] = []
    city = City(wide, None, [], [], [], [])
    for station in range(stations):
        crews = int(dice.integers(CREWS[0], CREWS[1] + 1))
        crews = EQUAL_CREWS if equal else crews
        own = generate(ORDERS, "tight", seed * 1000 + station, crews=crews)
        corner = np.array(divmod(station, wide)[::-1]) * TILE_KM
        offset = sum(map(len, points))
        points.append((np.array(own["xy"]) * TILE_KM / SIDE_KM + corner).round(3))
        for name, into, whose in (
            ("techs", city.techs, city.tech_station),
            ("orders", city.orders, city.order_station),
        ):
            into += [{**each, "loc": each["loc"] + offset} for each in own[name]]
            whose += [station] * len(own[name])
    return city._replace(xy=np.vstack(points))


def regions(city: City) -> list[Region]:
    """The stations, with orders and crews by their numbers in the city."""
    found = []
    for station in range(city.stations):
        orders, crews = (
            tuple(str(n) for n, own in enumerate(whose) if own == station)
            for whose in (city.order_station, city.tech_station)
        )
        found.append(Region(id=str(station), orders=orders, crews=crews))
    return found


def plan_group(city: City, group: Group, seconds: float, seed: int) -> dict[str, list[str]]:
    """Plan these orders and crews as one problem, warm from what stands."""
    techs, orders = [int(name) for name in group.crews], sorted(map(int, group.orders))
    rows = [*(city.techs[n] for n in techs), *(city.orders[n] for n in orders)]
    places = sorted({row["loc"] for row in rows})
    local = {place: number for number, place in enumerate(places)}
    stated = read_rich(
        {
            "T": _travel(city.xy[places]).tolist(),
            "techs": [{**city.techs[n], "loc": local[city.techs[n]["loc"]]} for n in techs],
            "orders": [{**city.orders[n], "loc": local[city.orders[n]["loc"]]} for n in orders],
        }
    )
    problem = lending_priced(
        stated, [city.tech_station[n] for n in techs], [city.order_station[n] for n in orders]
    )
    at = {str(n): str(number) for number, n in enumerate(orders)}
    stands = {str(k): [at[n] for n in group.warm_start[str(tech)]] for k, tech in enumerate(techs)}
    warm = stands if any(stands.values()) else None
    plan = planned(problem, seconds, seed, warm_start=warm)
    return {
        str(techs[int(crew)]): [str(orders[int(name)]) for name in names]
        for crew, names in plan.sequences.items()
    }


def lending_priced(
    problem: dispatch.Problem, of_crew: Sequence[int], of_order: Sequence[int]
) -> dispatch.Problem:
    """The problem with the service's price of lending; a station per crew and per order."""
    stations = sorted({*of_crew, *of_order})
    crews = [
        replace(crew, area_cost={str(each): LENDING_PRICE_S for each in stations if each != home})
        for crew, home in zip(problem.crews, of_crew, strict=True)
    ]
    orders = [
        replace(order, area=str(station))
        for order, station in zip(problem.orders, of_order, strict=True)
    ]
    return replace(problem, crews=tuple(crews), orders=tuple(orders))


def alone(city: City, seconds: float, seed: int) -> Routes:
    """Every station for itself, `seconds` each."""
    return _planned(city, seconds * city.stations, seed, ())


def together(city: City, seconds: float, seed: int) -> Routes:
    """The same total of seconds, half of it for pairs of neighbours."""
    return _planned(city, seconds * city.stations, seed, borders(city.stations, city.wide))


def borders(stations: int, wide: int) -> list[tuple[str, str]]:
    """Neighbours on the grid, left with right and upper with lower."""
    right = [(n, n + 1) for n in range(stations - 1) if (n + 1) % wide]
    below = [(n, n + wide) for n in range(stations - wide)]
    return [(str(here), str(there)) for here, there in (*right, *below)]


def _planned(city: City, seconds: float, seed: int, pairs: Sequence[tuple[str, str]]) -> Routes:
    """Step by step as the service plans a subtree that is too large for one problem."""
    whole = dispatch.City(regions(city))
    for step in whole.steps(pairs, seconds, most=MOST):
        whole.take(plan_group(city, whole.group(step.regions), step.seconds, seed))
    return {int(crew): [int(n) for n in names] for crew, names in whole.sequences.items()}


def measure(stations: Sequence[int], seconds: float, seed: int) -> dict[str, Any]:
    """J together over J alone for each size of city; the figure is the largest city's.

    The smallest is also measured by the clock on the wall, and with equally many crews everywhere.
    """
    rows = [_row(build(count, seed), seconds, seed) for count in stations]
    smallest = build(stations[0], seed)
    longer = seconds * rows[0]["together_wall_s"] / rows[0]["alone_wall_s"]
    by_clock = smallest.j(alone(smallest, longer, seed))
    equal = _row(build(stations[0], seed, equal=True), seconds, seed)
    told = {
        "equal_wall_ratio": round(rows[0]["together"] / by_clock, 4),
        "equal_crews": equal,
        "equal_crews_ratio": equal["ratio"],
    }
    print(
        f"  {stations[0]} stations: alone for as long as together took, ratio"
        f" {told['equal_wall_ratio']}; {EQUAL_CREWS} crews at every station, ratio"
        f" {equal['ratio']}, {equal['lent']} lent",
        flush=True,
    )
    grown = rows[-1]["together_wall_s"] / rows[0]["together_wall_s"]
    return {
        "simulated": True,
        "seconds_per_station": seconds,
        "lending_price_s": LENDING_PRICE_S,
        "rows": rows,
        "ratio": rows[-1]["ratio"],
        **told,
        "wall_growth": round(grown, 2),
        "stations_growth": round(stations[-1] / stations[0], 2),
    }


def _row(city: City, seconds: float, seed: int) -> dict[str, Any]:
    began = time.monotonic()
    separate = city.j(alone(city, seconds, seed))
    middle = time.monotonic()
    routes = together(city, seconds, seed)
    joined = city.j(routes)
    ended = time.monotonic()
    row = {
        "stations": city.stations,
        "orders": len(city.orders),
        "crews": len(city.techs),
        "alone": round(separate),
        "together": round(joined),
        "ratio": round(joined / separate, 4),
        "lent": city.lent(routes),
        "ratio_with_lending_price": round(
            (joined + city.lent(routes) * LENDING_PRICE_S / 60) / separate, 4
        ),
        "alone_wall_s": round(middle - began, 1),
        "together_wall_s": round(ended - middle, 1),
    }
    print(f"  {row}", flush=True)
    return row
