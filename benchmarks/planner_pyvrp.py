"""PyVRP's model of the rich instances with hard windows (`-H`), and of the classic sets.

PyVRP knows no breaks and no deadlines that only cost, so rich instances with either are refused.
Leaving an order out costs its prize. A skill that a technician lacks is a way of prohibitive length
in that technician's own matrix. PyVRP searches on one core: two searches with their own seeds run
side by side on the two cores, and the better one counts.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

from benchmarks.classic_sets import Classic
from benchmarks.rich_price import Instance, price

FAR: Final = 10_000_000
SEARCHES: Final = 2


class PyVrp:
    """Two processes that live as long as the benchmark, so that imports are not timed."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(SEARCHES, mp_context=get_context("spawn"))
        list(self._pool.map(_warm, range(SEARCHES)))

    def plan_rich(self, instance: Instance, seconds: float, seed: int) -> list[list[int]]:
        """Return the better plan; raises ValueError for an instance that PyVRP cannot model."""
        if any(tech["lunch"] for tech in instance["techs"]) or any(
            order["w"] for order in instance["orders"]
        ):
            raise ValueError(f"{instance['name']}: breaks and soft deadlines are not PyVRP's")
        plans = self._both(_rich, instance, seconds, seed)
        return min(plans, key=lambda routes: price(instance, routes).j)

    def plan_classic(self, case: Classic, seconds: float, seed: int) -> list[list[int]]:
        """Return the better routes of customers 1.. from the depot 0."""

        def driven(routes: list[list[int]]) -> float:
            try:
                return case.gap(routes)
            except ValueError:
                return float("inf")

        return min(self._both(_classic, case, seconds, seed), key=driven)

    def close(self) -> None:
        """End the two processes."""
        self._pool.shutdown()

    def _both(
        self, plan: Callable[..., list[list[int]]], case: Any, seconds: float, seed: int
    ) -> list[list[list[int]]]:
        asked = [
            self._pool.submit(plan, case, seconds, SEARCHES * seed + each)
            for each in range(SEARCHES)
        ]
        return [each.result() for each in asked]


def _warm(_: int) -> None:
    import pyvrp.stop

    assert pyvrp.stop


def _rich(instance: Instance, seconds: float, seed: int) -> list[list[int]]:
    import pyvrp

    began = time.monotonic()
    orders, technicians = instance["orders"], instance["techs"]
    depots = sorted({tech["loc"] for tech in technicians})
    places = [*depots, *(order["loc"] for order in orders)]
    travel = np.array(instance["T"], dtype=np.int64)[np.ix_(places, places)]
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for number, tech in enumerate(technicians):
        kind = (tech["loc"], tech["v0"], tech["v1"], tuple(sorted(tech["skills"])))
        kinds.setdefault(kind, []).append(number)
    profiles = sorted({kind[3] for kind in kinds})
    matrices = [_matrix(travel, orders, set(skills), len(depots)) for skills in profiles]
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in places],
        clients=[
            pyvrp.Client(
                len(depots) + number,
                service_duration=order["svc"],
                tw_early=order["a"],
                tw_late=order["b"],
                prize=order["P"],
                required=False,
            )
            for number, order in enumerate(orders)
        ],
        depots=[pyvrp.Depot(number) for number in range(len(depots))],
        vehicle_types=[
            pyvrp.VehicleType(
                len(members),
                start_depot=depots.index(loc),
                end_depot=depots.index(loc),
                tw_early=begins,
                tw_late=ends,
                profile=profiles.index(skills),
            )
            for (loc, begins, ends, skills), members in kinds.items()
        ],
        distance_matrices=matrices,
        duration_matrices=matrices,
    )
    routes: list[list[int]] = [[] for _ in technicians]
    free = [list(members) for members in kinds.values()]
    for kind, visits in _solved(data, seconds - (time.monotonic() - began), seed):
        routes[free[kind].pop()] = visits
    return routes


def _matrix(travel: Any, orders: Any, skills: set[int], depots: int) -> Any:
    lacking = [n for n, order in enumerate(orders, depots) if not set(order["skills"]) <= skills]
    own = travel.copy()
    own[lacking, :] = FAR
    own[:, lacking] = FAR
    np.fill_diagonal(own, 0)
    return own


def _classic(case: Classic, seconds: float, seed: int) -> list[list[int]]:
    import pyvrp

    began = time.monotonic()
    travel = np.asarray(case.travel, dtype=np.int64)
    opens, closes = case.windows[0]
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in case.demands],
        clients=[
            pyvrp.Client(
                number,
                delivery=[case.demands[number]],
                service_duration=case.services[number],
                tw_early=case.windows[number][0],
                tw_late=case.windows[number][1],
            )
            for number in range(1, len(case.demands))
        ],
        depots=[pyvrp.Depot(0)],
        vehicle_types=[
            pyvrp.VehicleType(case.vehicles, [case.capacity], tw_early=opens, tw_late=closes)
        ],
        distance_matrices=[travel],
        duration_matrices=[travel],
    )
    found = _solved(data, seconds - (time.monotonic() - began), seed)
    return [[client + 1 for client in visits] for _, visits in found]


def _solved(data: Any, seconds: float, seed: int) -> list[tuple[int, list[int]]]:
    """(vehicle type, clients in order) of each route; none at all when no plan is feasible."""
    import pyvrp
    from pyvrp.stop import MaxRuntime

    stop = MaxRuntime(max(0.01, seconds))
    best = pyvrp.solve(data, stop, seed=seed, collect_stats=False, display=False).best
    if not best.is_feasible():
        return []
    return [
        (route.vehicle_type(), [visit.idx for visit in route if visit.is_client()])
        for route in best.routes()
    ]
