"""Which role may do what. The hand-written oracle is `tests/architecture/permissions.csv`."""

from enum import StrEnum


class Role(StrEnum):
    """Posts in a company; a grant joins one to a person, for a station and all below it."""

    AGENT = "agent"
    DISPATCHER = "dispatcher"
    TECHNICIAN = "technician"
    STATION_CHIEF = "station_chief"
    REVIEWER = "reviewer"
    REVISITOR = "revisitor"
    MANAGER = "manager"
    PAY_CLERK = "pay_clerk"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route asks for; also the scopes of an API key."""

    SELF = "self"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    API_KEYS_WRITE = "api_keys.write"
    DEVICES_WRITE = "devices.write"
    ARRIVAL_CODES_WRITE = "arrival_codes.write"
    CATALOGUE_READ = "catalogue.read"
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"
    SHIFTS_WRITE = "shifts.write"
    CUSTOMERS_READ = "customers.read"
    CUSTOMERS_WRITE = "customers.write"
    ORDERS_CREATE = "orders.create"
    ORDERS_READ = "orders.read"
    ORDERS_EDIT = "orders.edit"
    ORDERS_URGE = "orders.urge"
    ORDERS_DISPATCH = "orders.dispatch"
    ORDERS_APPROVE = "orders.approve"
    ORDERS_SUPERVISE = "orders.supervise"
    PLANNING_READ = "planning.read"
    PLANNING_RUN = "planning.run"
    PHONE = "phone"
    EVIDENCE_READ = "evidence.read"
    REVIEWS_DECIDE = "reviews.decide"
    REVISITS_RECORD = "revisits.record"
    PAYOUTS_READ = "payouts.read"
    PAYOUTS_APPEAL = "payouts.appeal"
    PAYOUTS_DECIDE = "payouts.decide"
    PAYOUTS_CLOSE = "payouts.close"
    RATE_CARDS_WRITE = "rate_cards.write"
    NOTIFICATIONS_READ = "notifications.read"
    SERVICE_LEVELS_READ = "service_levels.read"
    AUDIT_READ = "audit.read"
    WEBHOOKS_WRITE = "webhooks.write"
    METRICS_READ = "metrics.read"


P = Permission
_EVERYONE = {P.SELF, P.CATALOGUE_READ}
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset(
        _EVERYONE
        | {P.CUSTOMERS_READ, P.CUSTOMERS_WRITE, P.ORDERS_CREATE, P.ORDERS_READ, P.ORDERS_EDIT}
        | {P.ORDERS_URGE, P.ORGANISATION_READ}
    ),
    Role.DISPATCHER: frozenset(
        _EVERYONE
        | {P.CUSTOMERS_READ, P.ORDERS_CREATE, P.ORDERS_READ, P.ORDERS_EDIT, P.ORDERS_URGE}
        | {P.ORDERS_DISPATCH, P.ORDERS_APPROVE, P.PLANNING_READ, P.PLANNING_RUN}
        | {P.ARRIVAL_CODES_WRITE}
        | {P.ORGANISATION_READ, P.SHIFTS_WRITE, P.EVIDENCE_READ, P.NOTIFICATIONS_READ}
        | {P.SERVICE_LEVELS_READ}
    ),
    Role.TECHNICIAN: frozenset(
        _EVERYONE | {P.PHONE, P.ORDERS_READ, P.EVIDENCE_READ, P.PAYOUTS_READ, P.PAYOUTS_APPEAL}
    ),
    Role.STATION_CHIEF: frozenset(
        _EVERYONE
        | {P.CUSTOMERS_READ, P.ORDERS_READ, P.ORDERS_EDIT, P.ORDERS_URGE, P.ORDERS_DISPATCH}
        | {P.ORDERS_APPROVE, P.PLANNING_READ, P.PLANNING_RUN, P.ORGANISATION_READ}
        | {P.DEVICES_WRITE, P.ARRIVAL_CODES_WRITE}
        | {P.SHIFTS_WRITE, P.EVIDENCE_READ, P.REVIEWS_DECIDE, P.PAYOUTS_READ, P.PAYOUTS_DECIDE}
        | {P.NOTIFICATIONS_READ, P.ORDERS_SUPERVISE, P.SERVICE_LEVELS_READ}
    ),
    Role.REVIEWER: frozenset(
        _EVERYONE | {P.ORDERS_READ, P.EVIDENCE_READ, P.REVIEWS_DECIDE, P.ORGANISATION_READ}
    ),
    Role.REVISITOR: frozenset(
        _EVERYONE | {P.CUSTOMERS_READ, P.ORDERS_READ, P.ORDERS_URGE, P.REVISITS_RECORD}
    ),
    Role.MANAGER: frozenset(
        _EVERYONE
        | {P.USERS_READ, P.CUSTOMERS_READ, P.ORDERS_READ, P.ORDERS_APPROVE, P.PLANNING_READ}
        | {P.ORGANISATION_READ, P.ORGANISATION_WRITE, P.SHIFTS_WRITE, P.EVIDENCE_READ}
        | {P.ARRIVAL_CODES_WRITE}
        | {P.PAYOUTS_READ, P.PAYOUTS_DECIDE, P.RATE_CARDS_WRITE}
        | {P.NOTIFICATIONS_READ, P.AUDIT_READ}
        | {P.ORDERS_SUPERVISE, P.SERVICE_LEVELS_READ}
    ),
    Role.PAY_CLERK: frozenset(_EVERYONE | {P.PAYOUTS_READ, P.PAYOUTS_CLOSE, P.ORGANISATION_READ}),
    Role.ADMIN: frozenset(
        _EVERYONE
        | {P.USERS_READ, P.USERS_WRITE, P.API_KEYS_WRITE, P.ORGANISATION_READ}
        | {P.DEVICES_WRITE}
        | {P.ORGANISATION_WRITE, P.SHIFTS_WRITE, P.AUDIT_READ, P.NOTIFICATIONS_READ}
        | {P.WEBHOOKS_WRITE, P.METRICS_READ}
    ),
}
