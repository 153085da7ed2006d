"""The problem as an OR-Tools routing model; costs in thousandths, as in `price`.

Nodes are the orders that someone could serve, then one start per crew, then one end per crew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.model import Crew, Order
from dispatch.plan import Plan, Route
from dispatch.price import move_price
from dispatch.problem import Problem


class RoutingModel:
    """Build once, search once; holds the OR-Tools objects and the meaning of their numbers.

    `incumbent` gives the mean workload that fairness is priced against, which OR-Tools cannot know
    while it searches, and the ends of the accepted routes.
    """

    def __init__(
        self, problem: Problem, may: Mapping[str, list[int]], incumbent: Plan, locked: list[Route]
    ) -> None:
        from ortools.constraint_solver import pywrapcp

        self.problem = problem
        self.may = may
        self.orders = [order for order in problem.orders if may[order.id]]
        self.node_of = {order.id: node for node, order in enumerate(self.orders)}
        count, crews = len(self.orders), len(problem.crews)
        starts, ends = range(count, count + crews), range(count + crews, count + 2 * crews)
        self.manager = pywrapcp.RoutingIndexManager(
            count + 2 * crews, crews, list(starts), list(ends)
        )
        self.routing: Any = pywrapcp.RoutingModel(self.manager)
        self.ends = [
            max(crew.hard_end_s, route.end_s)
            for crew, route in zip(problem.crews, locked, strict=True)
        ]
        self.horizon = max(self.ends)
        travel, busy = self._matrices()
        self._price_arcs(travel)
        self._time(busy)
        self._choose()
        self._rest()
        self._hold()
        self._keep_sequences()
        if problem.objective.spread_per_mille > 0:
            self._spread(busy, incumbent)

    def _matrices(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Driving seconds, and work + driving + set-up, between all nodes."""
        crews, orders, count = self.problem.crews, self.orders, len(self.orders)
        places = [order.place for order in orders] + [crew.ready_place for crew in crews]
        ends = [0 if crew.end_place is None else crew.end_place for crew in crews]
        at = np.array(places + ends, dtype=np.intp)
        travel = self.problem.travel[np.ix_(at, at)].astype(np.int64)
        travel = np.minimum(travel, self.horizon + 1)
        for number, crew in enumerate(crews):
            end = count + len(crews) + number
            if crew.end_place is None:
                travel[:, end] = 0
            if not crew.is_away:
                travel[count + number, end] = 0  # a crew without visits does not move
        busy = travel + self._setups()
        busy[:count] += np.array([order.service_s for order in orders], dtype=np.int64)[:, None]
        return travel, busy

    def _setups(self) -> NDArray[np.int64]:
        crews, orders, count = self.problem.crews, self.orders, len(self.orders)
        inside = [order.building for order in orders] + [crew.in_building for crew in crews]
        setups = np.zeros((count + 2 * len(crews),) * 2, dtype=np.int64)
        for column, order in enumerate(orders):
            setups[:, column] = order.setup_s
            if order.building is not None:
                same = [row for row, building in enumerate(inside) if building == order.building]
                setups[same, column] = 0
        return setups

    def _price_arcs(self, travel: NDArray[np.int64]) -> None:
        """Driving, and on each order's column what this crew costs beyond another one."""
        known: dict[bytes, int] = {}
        for vehicle, crew in enumerate(self.problem.crews):
            extra = np.zeros(travel.shape[0], dtype=np.int64)
            extra[: len(self.orders)] = [self._crew_price(order, crew) for order in self.orders]
            key = extra.tobytes()
            if key not in known:
                cost = travel * self.problem.objective.travel_per_mille + extra[None, :]
                known[key] = self.routing.RegisterTransitMatrix(cost.tolist())
            self.routing.SetArcCostEvaluatorOfVehicle(known[key], vehicle)

    def _crew_price(self, order: Order, crew: Crew) -> int:
        moved = order.current_crew not in (None, crew.id)
        move = move_price(self.problem, order) if moved else 0
        return 1000 * (move + crew.area_cost.get(order.area or "", 0))

    def _time(self, busy: NDArray[np.int64]) -> None:
        routing, horizon = self.routing, self.horizon
        routing.AddDimension(
            routing.RegisterTransitMatrix(busy.tolist()), horizon, horizon, False, "time"
        )
        self.clock = clock = routing.GetDimensionOrDie("time")
        for vehicle, crew in enumerate(self.problem.crews):
            start, end = routing.Start(vehicle), routing.End(vehicle)
            clock.CumulVar(start).SetValue(min(crew.ready_s, horizon))
            clock.CumulVar(end).SetMax(max(self.ends[vehicle], crew.ready_s))
            if crew.overtime_s or self.ends[vehicle] > crew.hard_end_s:
                rate = self.problem.objective.overtime_per_mille
                clock.SetCumulVarSoftUpperBound(end, crew.shift[1], rate)
        for order in self.orders:
            index = self._index(order)
            locked = order.id in self.problem.locked_crew
            close = horizon if locked or order.window is None else order.window[1]
            clock.CumulVar(index).SetRange(min(order.opens_s, horizon), min(close, horizon))
            due_s, rate = order.delay_price
            if rate:
                clock.SetCumulVarSoftUpperBound(index, due_s, rate)

    def _choose(self) -> None:
        """Leave out at a price; only who may; accepted orders first and in their order."""
        routing, locked = self.routing, self.problem.locked_crew
        for order in self.orders:
            index = self._index(order)
            # OR-Tools 9.15 cannot be given allowed vehicles from Python (absl::Span); -1 is "none".
            routing.VehicleVar(index).SetValues([-1, *self.may[order.id]])
            if order.id not in locked:
                routing.AddDisjunction([index], 1000 * order.priority_penalty)
        for vehicle, crew in enumerate(self.problem.crews):
            routing.SetVehicleUsedWhenEmpty(crew.is_away, vehicle)
            here = routing.Start(vehicle)
            for order_id in crew.locked:
                index = self.manager.NodeToIndex(self.node_of[order_id])
                routing.NextVar(here).SetValue(index)
                here = index

    def _rest(self) -> None:
        routing, solver = self.routing, self.routing.solver()
        work = [0] * routing.Size()
        for order in self.orders:
            work[self._index(order)] = order.service_s
        for vehicle, crew in enumerate(self.problem.crews):
            rests = [
                solver.FixedDurationIntervalVar(
                    max(rest.earliest_s, crew.ready_s),
                    rest.latest_s,
                    rest.duration_s,
                    False,
                    f"rest {vehicle}.{number}",
                )
                for number, rest in enumerate(crew.owed_breaks)
            ]
            if rests:
                self.clock.SetBreakIntervalsOfVehicle(rests, vehicle, work)

    def _hold(self) -> None:
        """No vehicle takes more than it holds; what is accepted already is a fact."""
        routing, crews = self.routing, self.problem.crews
        if all(crew.capacity is None for crew in crews):
            return
        units = [order.units for order in self.orders] + [0] * (2 * len(crews))
        known = self.problem.order_by_id
        room = [
            sum(units)
            if crew.capacity is None
            else max(crew.capacity, sum(known[name].units for name in crew.locked))
            for crew in crews
        ]
        taken = routing.RegisterUnaryTransitVector(units)
        routing.AddDimensionWithVehicleCapacity(taken, 0, room, True, "units")

    def _keep_sequences(self) -> None:
        """A crew's sequenced orders may be missing, but not swapped."""
        routing = self.routing
        chains = [
            [self._index(self.problem.order_by_id[name]) for name in names]
            for names in self._sequenced()
            if len(names) > 1
        ]
        if not chains:
            return
        stops = len(self.orders) + 1
        routing.AddConstantDimension(1, stops, True, "stops")
        count, solver = routing.GetDimensionOrDie("stops"), routing.solver()
        for before, after in (pair for chain in chains for pair in combinations(chain, 2)):
            missing = 2 - routing.ActiveVar(before) - routing.ActiveVar(after)
            solver.Add(count.CumulVar(before) + 1 <= count.CumulVar(after) + (stops + 1) * missing)

    def _sequenced(self) -> list[list[str]]:
        return [[name for name in crew.sequence if self.may[name]] for crew in self.problem.crews]

    def _spread(self, busy: NDArray[np.int64], incumbent: Plan) -> None:
        """Price work above the incumbent's mean twice: above and below the mean are equal sums."""
        routing, crews = self.routing, self.problem.crews
        total = sum(crew.load_s for crew in crews) + sum(r.load_s for r in incumbent.routes)
        routing.AddDimension(
            routing.RegisterTransitMatrix(busy.tolist()), 0, self.horizon, True, "load"
        )
        load = routing.GetDimensionOrDie("load")
        for vehicle, crew in enumerate(crews):
            fair = max(0, total // len(crews) - crew.load_s)
            rate = 2 * self.problem.objective.spread_per_mille
            load.SetCumulVarSoftUpperBound(routing.End(vehicle), fair, rate)

    def search(self, start: Plan, seconds: float, solutions: int | None, seed: int) -> Any:
        """Return the best OR-Tools assignment within the limits, or None when it finds none."""
        from ortools.constraint_solver import pywrapcp, routing_enums_pb2

        limits = pywrapcp.DefaultRoutingSearchParameters()
        first, walk = (
            routing_enums_pb2.FirstSolutionStrategy,
            routing_enums_pb2.LocalSearchMetaheuristic,
        )
        limits.first_solution_strategy = first.PARALLEL_CHEAPEST_INSERTION
        limits.local_search_metaheuristic = walk.GUIDED_LOCAL_SEARCH
        limits.time_limit.FromMilliseconds(max(1, int(seconds * 1000)))
        if solutions is not None:
            limits.solution_limit = solutions
        self.routing.CloseModelWithParameters(limits)
        self.routing.solver().ReSeed(seed)
        routes = [
            [self.manager.NodeToIndex(self.node_of[name]) for name in names if name in self.node_of]
            for names in (start.sequences.get(crew.id, ()) for crew in self.problem.crews)
        ]
        hint = self.routing.ReadAssignmentFromRoutes(routes, True)
        if hint is None:
            return self.routing.SolveWithParameters(limits)
        return self.routing.SolveFromAssignmentWithParameters(hint, limits)

    def sequences(self, found: Any) -> dict[str, Sequence[str]]:
        """Crew id -> order ids of an OR-Tools assignment."""
        tours: dict[str, Sequence[str]] = {}
        for vehicle, crew in enumerate(self.problem.crews):
            index = found.Value(self.routing.NextVar(self.routing.Start(vehicle)))
            names = []
            while not self.routing.IsEnd(index):
                names.append(self.orders[self.manager.IndexToNode(index)].id)
                index = found.Value(self.routing.NextVar(index))
            tours[crew.id] = names
        return tours

    def _index(self, order: Order) -> int:
        index: int = self.manager.NodeToIndex(self.node_of[order.id])
        return index
