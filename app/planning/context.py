"""What a planning run works with; the worker makes it, tests make their own."""

from dataclasses import dataclass

from app.core.db import Database
from app.planning.solver import Solver
from routing import RoutingEngine


@dataclass(frozen=True, slots=True)
class Planner:
    """Database, travel times and solver of one process; `additional_context["planner"]`."""

    database: Database
    engine: RoutingEngine
    solver: Solver
