"""The planner: integers in, a plan out; no database, no web.

Importing this package is cheap: OR-Tools is loaded by the first call that needs it.
"""

from dispatch.budget import Budget
from dispatch.check import Violation, check
from dispatch.commit import Candidate, choose_commits
from dispatch.compare import Difference, Move, Shift, compare
from dispatch.explain import explain, reasons
from dispatch.fit import may_have
from dispatch.insert import applied, insert, place, propose
from dispatch.insertions import Insertions
from dispatch.model import Break, Crew, Objective, Order
from dispatch.plan import TERMS, Plan, Reason, Route, TakenBreak, Visit
from dispatch.problem import UNREACHABLE_S, Problem
from dispatch.proposal import Ejected, Proposal
from dispatch.refused import ProblemRefused
from dispatch.regions import City, Region
from dispatch.slots import Slot, offer, slots
from dispatch.solve import PlanBroken, replan, solve, warm
from dispatch.variant import with_order
from dispatch.why import Choice, Why, why

__all__ = [
    "TERMS",
    "UNREACHABLE_S",
    "Break",
    "Budget",
    "Candidate",
    "Choice",
    "City",
    "Crew",
    "Difference",
    "Ejected",
    "Insertions",
    "Move",
    "Objective",
    "Order",
    "Plan",
    "PlanBroken",
    "Problem",
    "ProblemRefused",
    "Proposal",
    "Reason",
    "Region",
    "Route",
    "Shift",
    "Slot",
    "TakenBreak",
    "Violation",
    "Visit",
    "Why",
    "applied",
    "check",
    "choose_commits",
    "compare",
    "explain",
    "insert",
    "may_have",
    "offer",
    "place",
    "propose",
    "reasons",
    "replan",
    "slots",
    "solve",
    "warm",
    "why",
    "with_order",
]
