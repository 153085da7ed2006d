"""The transition table once more, written by hand from DOMAIN section 7.

It shares nothing with `app.work_orders`: two people reading the same page must come to the same
house. Where the page allows more than the service does, this table follows the page (the test
`test_two_tables` names every such place).
"""

from typing import NamedTuple

NEVER = "-"
SAME = "="
STARTED = "ACCEPTED ENROUTE ONSITE WORKING"
OPEN = "NEW SENT ACCEPTED ENROUTE ONSITE WORKING DONE REVISIT HOLD RETURNED"
ALL = f"DRAFT {OPEN} CLOSED CANCELLED MERGED"
"""A reply is owed even when the order is over."""
CANCELLABLE = "DRAFT NEW SENT ACCEPTED RETURNED HOLD"
INTAKE = "agent dispatcher revisitor key"
"""Import and customer channels act through an agent or a key; a revisitor opens 17's rework."""
DESK = "dispatcher station_chief"

_PAGE: tuple[tuple[str, str, str, str, str], ...] = (
    ("1", NEVER, "DRAFT", "drafted", INTAKE),
    ("2", "DRAFT", "NEW", "submitted", INTAKE),
    ("3", "DRAFT NEW", "CLOSED", "solved_by_phone", "agent dispatcher key"),
    ("4", "NEW RETURNED", "SENT", "sent", f"{DESK} planner"),
    ("4a", "SENT", "SENT", "resent", f"{DESK} planner"),
    ("4b", "SENT", "NEW", "withdrawn", f"{DESK} planner"),
    ("5", "SENT", "ACCEPTED", "accepted", "technician"),
    ("5a", "ACCEPTED", "ACCEPTED", "contacted", "technician"),
    ("6", "SENT", "RETURNED", "refused", "technician"),
    ("6", "SENT", "RETURNED", "accept_expired", "timer"),
    ("7", STARTED, "SENT", "transferred", DESK),
    ("8", STARTED, "RETURNED", "returned", "technician"),
    ("9", "ACCEPTED", "ENROUTE", "departed", "technician"),
    ("10", "ENROUTE", "ONSITE", "arrived", "technician"),
    ("11", "ONSITE", "WORKING", "started", "technician"),
    ("12", "WORKING", "WORKING", "restored", "technician"),
    ("12", "WORKING", "WORKING", "made_safe", "technician"),
    ("13", f"{STARTED} DONE", SAME, "noted", f"technician {DESK}"),
    ("13", "WORKING", "DONE", "completed", "technician"),
    ("14", "DONE", "WORKING", "rejected", "reviewer station_chief"),
    ("15", "DONE", "REVISIT", "passed", "reviewer station_chief"),
    ("16", "REVISIT", "CLOSED", "closed", "revisitor customer"),
    ("16", "REVISIT", SAME, "revisit_tried", "revisitor"),
    ("17", "REVISIT", "CLOSED", "reworked", "revisitor"),
    ("19", f"NEW SENT {STARTED}", SAME, "hold_requested", f"technician {DESK}"),
    ("19", f"NEW SENT {STARTED}", "HOLD", "held", f"{DESK} manager"),
    ("19", OPEN, SAME, "hold_refused", f"{DESK} manager"),
    ("19", f"DRAFT {OPEN}", SAME, "approval_escalated", "timer"),
    ("20", "HOLD", f"NEW SENT {STARTED}", "resumed", f"{DESK} timer"),
    ("21", "NEW SENT ACCEPTED ENROUTE RETURNED", "MERGED", "merged", DESK),
    ("22", "MERGED", "REVISIT", "followed", "timer"),
    ("22", "MERGED", "NEW", "split", f"{DESK} timer"),
    ("23", CANCELLABLE, SAME, "cancel_requested", "agent dispatcher key timer"),
    ("23", CANCELLABLE, "CANCELLED", "cancelled", "station_chief manager"),
    ("23", f"DRAFT {OPEN}", SAME, "cancel_refused", "station_chief manager"),
    ("24", OPEN, SAME, "urged", f"agent {DESK} revisitor key customer"),
    ("24", OPEN, SAME, "urge_merged", f"agent {DESK} revisitor key customer"),
    ("24", ALL, SAME, "urge_answered", f"{DESK} manager"),
    ("25", OPEN, SAME, "supervised", "station_chief manager timer"),
    ("25", ALL, SAME, "supervision_answered", f"{DESK} manager"),
    ("26", OPEN, SAME, "rebooked", f"agent technician {DESK} key"),
    ("26", f"DRAFT {OPEN}", SAME, "amended", f"agent {DESK} revisitor key"),
    ("4", "NEW RETURNED HOLD", SAME, "pinned", DESK),
    ("录音录像", "CLOSED CANCELLED MERGED", SAME, "recordings_removed", "timer"),
)
"""Row of the page, from, to, action, who. `=` keeps the state.

The manager of 19 decides only what went up to the company undecided. 录音录像 is of section 6: kept
90 days.
"""


class Step(NamedTuple):
    """One line of the page; `who` holds roles and, for machines, `key`, `timer`, `planner`."""

    row: str
    sources: frozenset[str]
    targets: frozenset[str]
    who: frozenset[str]

    def leads(self, source: str | None, target: str) -> bool:
        """Whether the page lets an order go from `source` (None: not born yet) to `target`."""
        if (source or NEVER) not in self.sources:
            return False
        return target == source if SAME in self.targets else target in self.targets


PAGE: dict[str, Step] = {
    action: Step(row, frozenset(source.split()), frozenset(target.split()), frozenset(who.split()))
    for row, source, target, action, who in _PAGE
}

HANDED_OUT = frozenset({"sent", "resent", "transferred"})
"""Actions that give the order to a crew."""
BY_ASSIGNEE = frozenset(
    {"accepted", "contacted", "refused", "returned", "departed", "arrived", "started", "restored"}
    | {"made_safe", "completed"}
)
"""Only somebody of the crew that holds the order."""
BY_LEADER = frozenset({"started", "restored", "made_safe", "completed"})
DECIDED = {"held": True, "hold_refused": False, "cancelled": True, "cancel_refused": False}
"""Two-person decisions, and what was decided."""
MOST_TRANSFERS = 2
MOST_REBOOKINGS = 2
FIRST_GATED_LEVEL = 3
"""Safety levels 3 and 4 begin with a guardian and the checklist."""
