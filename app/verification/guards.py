"""Who was allowed to do what, as far as the stored rows still show it (DOMAIN section 7)."""

from collections.abc import Iterator
from uuid import UUID

from app.organisation.models import CrewMember
from app.verification.assignments import Holding, holders
from app.verification.case import Case, Company
from app.verification.difference import Difference, differ, shown
from app.verification.table import BY_ASSIGNEE, BY_LEADER, FIRST_GATED_LEVEL, PAGE
from app.work_orders.models import WorkOrderEvent

CHECK = "guards"
COMMAND_LINE = UUID("00000000-0000-7000-8000-0000696d706f")
"""Who `paigong import` acts as: no person and no key, and only at intake."""
IMPORTED = frozenset({"drafted", "submitted", "urged", "urge_merged"})
MACHINES = {"api_key": "key", "timer": "timer", "planner": "planner", "customer": "customer"}
"""Who acts without a role."""
DESK_MAY_TOO = frozenset({"hold_requested", "rebooked", "noted"})
"""A technician does these only with the order in hand; the desk needs no crew."""


def check_guards(case: Case, company: Company) -> Iterator[Difference]:
    """Role, person, crew, leader, safety gate, refusals and reviewers of every event."""
    holding = holders(case.events)
    for event in case.events:
        subject = f"{case.order.serial} #{event.seq} {event.action}"
        held = holding[event.seq]
        yield from _actor(subject, event, company)
        yield from _crew(subject, event, held, company)
        if event.action == "started":
            yield from _safety_gate(subject, event, held, case, company)
        if event.action in {"passed", "rejected"}:
            yield from _reviewer(subject, event, case, company)
    yield from _not_refusable(case)


def _actor(subject: str, event: WorkOrderEvent, company: Company) -> Iterator[Difference]:
    step = PAGE.get(event.action)
    if step is None:
        return
    machine = MACHINES.get(event.actor_kind)
    who = machine if machine is not None else event.actor_role
    if who not in step.who:
        yield Difference(CHECK, f"{subject} by", shown(who), "/".join(sorted(step.who)))
    known = {"user": company.users, "api_key": company.keys}.get(event.actor_kind)
    if event.actor_id == COMMAND_LINE and event.action in IMPORTED:
        return
    if known is not None and event.actor_id not in known:
        yield Difference(CHECK, f"{subject} actor", shown(event.actor_id), "a known person or key")
    if known is None:
        yield from differ(CHECK, f"{subject} actor", event.actor_id, None)


def _crew(
    subject: str, event: WorkOrderEvent, held: Holding | None, company: Company
) -> Iterator[Difference]:
    needs_crew = event.action in BY_ASSIGNEE or (
        event.action in DESK_MAY_TOO and event.actor_role == "technician"
    )
    if not needs_crew:
        return
    members = _memberships(event, held, company)
    if not members:
        yield Difference(CHECK, f"{subject} actor", shown(event.actor_id), "one of the crew")
    elif event.action in BY_LEADER and all(member.role != "leader" for member in members):
        yield Difference(CHECK, f"{subject} actor", members[0].role, "the crew's leader")


def _memberships(event: WorkOrderEvent, held: Holding | None, company: Company) -> list[CrewMember]:
    technician_id = company.technician_of.get(event.actor_id) if event.actor_id else None
    if held is None or technician_id is None:
        return []
    return company.in_crew(held.crew_id, technician_id, event.at, event.server_at)


def _safety_gate(
    subject: str, event: WorkOrderEvent, held: Holding | None, case: Case, company: Company
) -> Iterator[Difference]:
    fault = company.faults.get(case.order.fault_code_id)
    if fault is None or fault.safety_level < FIRST_GATED_LEVEL:
        return
    guardian = event.payload.get("guardian_id")
    worker = company.technician_of.get(event.actor_id) if event.actor_id else None
    in_crew = (
        guardian
        and held
        and company.in_crew(held.crew_id, UUID(guardian), event.at, event.server_at)
    )
    if not in_crew or UUID(guardian) == worker:
        yield Difference(CHECK, f"{subject} guardian", shown(guardian), "another of the crew")
    confirmed = event.payload.get("checklist_confirmed")
    yield from differ(CHECK, f"{subject} checklist_confirmed", confirmed, True)


def _reviewer(
    subject: str, event: WorkOrderEvent, case: Case, company: Company
) -> Iterator[Difference]:
    """No worker reviews self: neither who completed nor anyone of a crew that had accepted."""
    if event.actor_id in {record.completed_by for record in case.records}:
        yield Difference(CHECK, f"{subject} by", shown(event.actor_id), "who did not complete it")
    technician_id = company.technician_of.get(event.actor_id) if event.actor_id else None
    if technician_id is None:
        return
    for held in case.assignments:
        if held.accepted_at is None:
            continue
        for member in company.members.get(held.crew_id, ()):
            overlaps = (held.ended_at is None or member.since <= held.ended_at) and (
                member.until is None or member.until >= held.accepted_at
            )
            if member.technician_id == technician_id and overlaps:
                yield Difference(CHECK, f"{subject} by", shown(event.actor_id), "no worker of it")


def _not_refusable(case: Case) -> Iterator[Difference]:
    """Danger is not refused by a crew; nor is it, or a grave outage, put off (DOMAIN 6)."""
    forbidden = {"E1": ("refused", "rebooked"), "E2": ("rebooked",)}
    for event in case.done(*forbidden.get(case.order.service_class, ())):
        subject = f"{case.order.serial} #{event.seq}"
        yield Difference(CHECK, subject, event.action, f"never with {case.order.service_class}")
