"""The planner: integers in, a plan out; no database, no web.

Importing this package is cheap: OR-Tools is loaded by the first call that needs it.
"""

from dispatch.model import Break, Budget, Crew, Objective, Order
from dispatch.plan import TERMS, Plan, Reason, Route, TakenBreak, Visit
from dispatch.problem import UNREACHABLE_S, Problem
from dispatch.refused import ProblemRefused

__all__ = [
    "TERMS",
    "UNREACHABLE_S",
    "Break",
    "Budget",
    "Crew",
    "Objective",
    "Order",
    "Plan",
    "Problem",
    "ProblemRefused",
    "Reason",
    "Route",
    "TakenBreak",
    "Visit",
]
