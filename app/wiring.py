"""Registers guards and subscribers across the rooms; API, worker and CLI all call it."""

from importlib import import_module
from importlib.util import find_spec

from app.work_orders import guards
from app.work_orders.registry import registry
from app.work_orders.states import Action

ROOMS_WITH_TABLES = (
    "app.core.audit",
    "app.core.feed",
    "app.core.serials",
    "app.web.idempotency",
    "app.identity.models",
    "app.catalogue.models",
    "app.organisation.models",
    "app.customers.models",
    "app.work_orders.models",
    "app.evidence.models",
    "app.completions.models",
    "app.revisits.models",
    "app.payouts.models",
    "app.planning.models",
    "app.notifications.models",
    "app.mobile.models",
)


def import_models() -> None:
    """Make every table known to the metadata, for migrations and tests."""
    for room in ROOMS_WITH_TABLES:
        import_module(room)


def wire() -> None:
    """Fill the registry; raises GuardMissing when the transition table names more."""
    import_models()
    for own in (
        guards.assignee,
        guards.assignee_or_desk,
        guards.leader,
        guards.refusable,
        guards.safety_gate,
        guards.crew_qualified,
    ):
        registry.guard(own.__name__, own)
    _wire_rooms_above()
    registry.assert_complete()


def _wire_rooms_above() -> None:
    if find_spec("app.completions.hooks"):
        hooks = import_module("app.completions.hooks")
        registry.guard("record_complete", hooks.record_complete)
        registry.guard("reviewer_is_no_worker", hooks.reviewer_is_no_worker)
    if find_spec("app.evidence.hooks"):
        hooks = import_module("app.evidence.hooks")
        registry.guard("evidence_declared", hooks.evidence_declared)
        registry.guard("files_received", hooks.files_received)
    if find_spec("app.notifications.hooks"):
        registry.subscribe(import_module("app.notifications.hooks").announce)
    if find_spec("app.planning.hooks"):
        registry.subscribe(import_module("app.planning.hooks").plan_is_stale)
    if find_spec("app.payouts.hooks"):
        hooks = import_module("app.payouts.hooks")
        registry.subscribe(hooks.earn_on_passed, [Action.PASSED])
        registry.subscribe(hooks.confirm_on_closed, [Action.CLOSED])
