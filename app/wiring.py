"""Registers guards and subscribers across the rooms; API, worker and CLI all call it."""

from importlib import import_module

from app.completions import hooks as completions
from app.completions import splits
from app.evidence import hooks as evidence
from app.notifications import customer_messages, raised
from app.notifications import hooks as notifications
from app.payouts import hooks as payouts
from app.planning import hooks as planning
from app.travel import hooks as travel
from app.webhooks import hooks as webhooks
from app.work_orders import guards, merging
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
    "app.customers.consents",
    "app.work_orders.models",
    "app.evidence.models",
    "app.completions.models",
    "app.completions.contributions",
    "app.revisits.models",
    "app.payouts.models",
    "app.planning.models",
    "app.travel.models",
    "app.notifications.models",
    "app.notifications.ladder_models",
    "app.webhooks.models",
    "app.notifications.customer_models",
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
        guards.certificates_valid,
        guards.leader,
        guards.refusable,
        guards.safety_gate,
        guards.crew_qualified,
    ):
        registry.guard(own.__name__, own)
    _wire_rooms_above()
    registry.assert_complete()


def _wire_rooms_above() -> None:
    registry.guard("record_complete", completions.record_complete)
    registry.guard("reviewer_is_no_worker", completions.reviewer_is_no_worker)
    registry.guard("shares_agreed", completions.shares_agreed)
    registry.guard("evidence_declared", evidence.evidence_declared)
    registry.guard("files_received", evidence.files_received)
    registry.subscribe(notifications.announce)
    registry.subscribe(raised.tell_above, [Action.SUPERVISED, Action.APPROVAL_ESCALATED])
    registry.subscribe(webhooks.publish_transition)
    registry.subscribe(customer_messages.tell_customer)
    registry.subscribe(planning.plan_is_stale)
    registry.subscribe(travel.forget_arrival)
    splits.taken_from(payouts.leader_share)
    registry.subscribe(payouts.propose_rework, [Action.SUBMITTED])
    registry.subscribe(payouts.earn_on_passed, [Action.PASSED])
    registry.subscribe(merging.follow, [Action.PASSED])
    registry.subscribe(merging.part, [Action.CANCELLED, Action.SOLVED_BY_PHONE])
    registry.subscribe(payouts.earn_nothing_on_followed, [Action.FOLLOWED])
    registry.subscribe(payouts.confirm_on_closed, [Action.CLOSED])
