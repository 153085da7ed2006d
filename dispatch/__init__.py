"""The planner: integers in, a plan out; no database, no web.

Importing this package is cheap: OR-Tools is loaded by the first call that needs it.
"""

from dispatch.check import Violation, check
from dispatch.commit import Candidate, choose_commits
from dispatch.explain import explain, reasons
from dispatch.model import Break, Budget, Crew, Objective, Order
from dispatch.plan import TERMS, Plan, Reason, Route, TakenBreak, Visit
from dispatch.problem import UNREACHABLE_S, Problem
from dispatch.refused import ProblemRefused
from dispatch.solve import replan, solve

__all__ = [
    "TERMS",
    "UNREACHABLE_S",
    "Break",
    "Budget",
    "Candidate",
    "Crew",
    "Objective",
    "Order",
    "Plan",
    "Problem",
    "ProblemRefused",
    "Reason",
    "Route",
    "TakenBreak",
    "Violation",
    "Visit",
    "check",
    "choose_commits",
    "explain",
    "reasons",
    "replan",
    "solve",
]
