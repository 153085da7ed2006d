"""Two hands wrote the transitions down; where they differ, it is on purpose and said here."""

from app.verification.table import NEVER, PAGE, SAME
from app.work_orders.rules import RULES
from app.work_orders.states import State

LATE = {"ONSITE", "WORKING", "DONE", "REVISIT"}
WIDER_SOURCES = {"rebooked": LATE}
"""The page rebooks any open order; the service no more once the crew stands at the door."""
WIDER_ROLES = {"amended": {"revisitor"}}
"""The page names nobody for corrections; who calls the customer may pass on a new number."""
CHOOSES_ITS_TARGET = {"resumed"}
"""Row 20 leads to NEW or to where the hold began, by the crew and the time."""
MACHINES = {"key", "timer", "planner", "customer"}


def test_the_same_actions() -> None:
    assert PAGE.keys() == {action.value for action in RULES}


def test_the_same_sources() -> None:
    for action, rule in RULES.items():
        page = PAGE[action.value].sources - {NEVER}
        service = {state.value for state in rule.sources}
        assert page - service == WIDER_SOURCES.get(action.value, set()), action
        assert service <= page, action


def test_the_same_targets() -> None:
    for action, rule in RULES.items():
        page = PAGE[action.value]
        if action.value in CHOOSES_ITS_TARGET:
            continue
        for source in rule.sources or {None}:
            before = source.value if source else None
            target = rule.target.value if rule.target else before
            leads = {state.value for state in State if page.leads(before, state.value)}
            assert leads == {target}, action


def test_a_kept_state_is_marked() -> None:
    for action, rule in RULES.items():
        if rule.target is None and action.value not in CHOOSES_ITS_TARGET:
            assert PAGE[action.value].targets == {SAME}, action


def test_the_same_people() -> None:
    for action, rule in RULES.items():
        page = PAGE[action.value].who - MACHINES
        service = {role.value for role in rule.roles}
        assert page - service == WIDER_ROLES.get(action.value, set()), action
        assert service <= page, action


def test_the_same_machines() -> None:
    for action, rule in RULES.items():
        machines = PAGE[action.value].who & {"timer", "planner"}
        assert bool(machines) == rule.timers, action


def test_the_same_links() -> None:
    for action, rule in RULES.items():
        assert ("customer" in PAGE[action.value].who) == rule.links, action
