"""Registers guards and subscribers across the rooms; API, worker and CLI all call it."""

from importlib import import_module

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
