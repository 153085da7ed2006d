"""The transition table of DOMAIN section 7: from, to, who, guards."""

from dataclasses import dataclass

from app.core.permissions import Role
from app.work_orders.states import ENDED, Action, State

S, A, R = State, Action, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """One transition; `target` None keeps the state.

    `timers` may act without a person, `links` may customers by what a text message gave them.
    """

    sources: frozenset[State]
    target: State | None
    roles: frozenset[Role]
    guards: tuple[str, ...] = ()
    timers: bool = False
    links: bool = False


def _rule(
    sources: set[State] | frozenset[State],
    target: State | None,
    *roles: Role,
    guards: tuple[str, ...] = (),
    timers: bool = False,
    links: bool = False,
) -> Rule:
    return Rule(frozenset(sources), target, frozenset(roles), guards, timers, links)


_DESK = (R.DISPATCHER, R.STATION_CHIEF)
_URGERS = (R.AGENT, R.DISPATCHER, R.STATION_CHIEF, R.REVISITOR)
_OPEN = frozenset(S) - {S.CLOSED, S.CANCELLED, S.MERGED, S.DRAFT}
_STARTED = {S.ACCEPTED, S.ENROUTE, S.ONSITE, S.WORKING}
_CANCELLABLE = {S.DRAFT, S.NEW, S.SENT, S.ACCEPTED, S.RETURNED, S.HOLD}

RULES: dict[Action, Rule] = {
    A.DRAFTED: _rule(set(), S.DRAFT, R.AGENT, R.DISPATCHER, R.REVISITOR),
    A.SUBMITTED: _rule({S.DRAFT}, S.NEW, R.AGENT, R.DISPATCHER, R.REVISITOR),
    A.SOLVED_BY_PHONE: _rule({S.DRAFT, S.NEW}, S.CLOSED, R.AGENT, R.DISPATCHER),
    A.SENT: _rule({S.NEW, S.RETURNED}, S.SENT, *_DESK, guards=("crew_qualified",), timers=True),
    A.RESENT: _rule({S.SENT}, S.SENT, *_DESK, guards=("crew_qualified",), timers=True),
    A.WITHDRAWN: _rule({S.SENT}, S.NEW, *_DESK, timers=True),
    A.ACCEPTED: _rule(
        {S.SENT}, S.ACCEPTED, R.TECHNICIAN, guards=("assignee", "certificates_valid")
    ),
    A.CONTACTED: _rule({S.ACCEPTED}, S.ACCEPTED, R.TECHNICIAN, guards=("assignee",)),
    A.REFUSED: _rule({S.SENT}, S.RETURNED, R.TECHNICIAN, guards=("assignee", "refusable")),
    A.ACCEPT_EXPIRED: _rule({S.SENT}, S.RETURNED, timers=True),
    A.TRANSFERRED: _rule(_STARTED, S.SENT, *_DESK, guards=("crew_qualified",)),
    A.RETURNED: _rule(_STARTED, S.RETURNED, R.TECHNICIAN, guards=("assignee",)),
    A.DEPARTED: _rule({S.ACCEPTED}, S.ENROUTE, R.TECHNICIAN, guards=("assignee",)),
    A.ARRIVED: _rule({S.ENROUTE}, S.ONSITE, R.TECHNICIAN, guards=("assignee",)),
    A.STARTED: _rule(
        {S.ONSITE}, S.WORKING, R.TECHNICIAN, guards=("assignee", "leader", "safety_gate")
    ),
    A.RESTORED: _rule({S.WORKING}, S.WORKING, R.TECHNICIAN, guards=("assignee", "leader")),
    A.MADE_SAFE: _rule({S.WORKING}, S.WORKING, R.TECHNICIAN, guards=("assignee", "leader")),
    A.NOTED: _rule(_STARTED | {S.DONE}, None, R.TECHNICIAN, *_DESK, guards=("assignee_or_desk",)),
    A.COMPLETED: _rule(
        {S.WORKING},
        S.DONE,
        R.TECHNICIAN,
        guards=("assignee", "leader", "record_complete", "evidence_declared"),
    ),
    A.REJECTED: _rule({S.DONE}, S.WORKING, R.REVIEWER, R.STATION_CHIEF),
    A.PASSED: _rule(
        {S.DONE},
        S.REVISIT,
        R.REVIEWER,
        R.STATION_CHIEF,
        guards=("reviewer_is_no_worker", "files_received", "shares_agreed"),
    ),
    A.CLOSED: _rule({S.REVISIT}, S.CLOSED, R.REVISITOR, links=True),
    A.REWORKED: _rule({S.REVISIT}, S.CLOSED, R.REVISITOR),
    A.REVISIT_TRIED: _rule({S.REVISIT}, None, R.REVISITOR),
    A.HOLD_REQUESTED: _rule(
        {S.NEW, S.SENT} | _STARTED, None, R.TECHNICIAN, *_DESK, guards=("assignee_or_desk",)
    ),
    A.HELD: _rule({S.NEW, S.SENT} | _STARTED, S.HOLD, *_DESK, R.MANAGER),
    A.HOLD_REFUSED: _rule(_OPEN, None, *_DESK, R.MANAGER),
    A.APPROVAL_ESCALATED: _rule(_OPEN | {S.DRAFT}, None, timers=True),
    A.RESUMED: _rule({S.HOLD}, None, *_DESK, timers=True),
    A.CANCEL_REQUESTED: _rule(_CANCELLABLE, None, R.AGENT, R.DISPATCHER, timers=True),
    A.CANCELLED: _rule(_CANCELLABLE, S.CANCELLED, R.STATION_CHIEF, R.MANAGER),
    A.CANCEL_REFUSED: _rule(_OPEN | {S.DRAFT}, None, R.STATION_CHIEF, R.MANAGER),
    A.URGED: _rule(_OPEN, None, *_URGERS, links=True),
    A.URGE_MERGED: _rule(_OPEN, None, *_URGERS, links=True),
    A.URGE_ANSWERED: _rule(frozenset(S), None, *_DESK, R.MANAGER),
    A.SUPERVISED: _rule(_OPEN, None, R.STATION_CHIEF, R.MANAGER, timers=True),
    A.SUPERVISION_ANSWERED: _rule(frozenset(S), None, *_DESK, R.MANAGER),
    A.REBOOKED: _rule(
        _OPEN - {S.DONE, S.REVISIT, S.WORKING, S.ONSITE},
        None,
        R.AGENT,
        R.TECHNICIAN,
        *_DESK,
        guards=("assignee_or_desk",),
    ),
    A.AMENDED: _rule(_OPEN | {S.DRAFT}, None, R.AGENT, *_DESK),
    A.MERGED: _rule({S.NEW, S.SENT, S.ACCEPTED, S.ENROUTE, S.RETURNED}, S.MERGED, *_DESK),
    A.SPLIT: _rule({S.MERGED}, S.NEW, *_DESK, timers=True),
    A.FOLLOWED: _rule({S.MERGED}, S.REVISIT, timers=True),
    A.RECORDINGS_REMOVED: _rule(ENDED, None, timers=True),
    A.PINNED: _rule({S.NEW, S.RETURNED, S.HOLD}, None, *_DESK),
}
"""RESUMED chooses its own target: NEW, or SENT back to the crew still on shift."""


def allowed_actions(state: State) -> list[str]:
    """What could happen to an order in `state`, for refusals and screens."""
    return sorted(action.value for action, rule in RULES.items() if state in rule.sources)


def guard_names() -> frozenset[str]:
    """Every guard that the table names; start-up refuses unregistered ones."""
    return frozenset(name for rule in RULES.values() for name in rule.guards)
