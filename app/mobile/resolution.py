"""Deciding on a conflict: carry the act out after all, keep what stands, or take over parts."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import contributions
from app.completions import service as completions
from app.completions.record import ContributionIn
from app.core import audit, clock, feed
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.identity import service as identity
from app.mobile import conflicts, execution, notices, policy, repository
from app.mobile.conflicts import ACTION_OF, Listed
from app.mobile.errors import AlreadyResolved, CommandOutdated, NothingToSplit
from app.mobile.models import PhoneConflict
from app.mobile.policy import Corrected
from app.mobile.schemas import CommandIn
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.errors import IllegalTransition
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.rules import RULES, allowed_actions
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

STEPS: dict[State, Action] = {
    State.SENT: Action.ACCEPTED,
    State.ACCEPTED: Action.DEPARTED,
    State.ENROUTE: Action.ARRIVED,
    State.ONSITE: Action.STARTED,
}
"""What a crew does next, on the way to the act that is to be applied."""


async def resolve(
    session: AsyncSession,
    principal: Principal,
    conflict_id: UUID,
    resolution: str,
    fields: list[str],
    note: str,
) -> Listed:
    """Decide on an open conflict in scope; nothing is written when the decision is not possible.

    Raises NotFound, AlreadyResolved, NothingToSplit, CommandOutdated and what the order's own
    rules raise.
    """
    query = (
        select(PhoneConflict)
        .where(PhoneConflict.id == conflict_id, conflicts.in_scope(principal))
        .with_for_update()
    )
    row = (await session.exec(query)).one_or_none()
    if row is None:
        raise NotFound()
    if row.resolved_at is not None:
        raise AlreadyResolved(resolution=row.resolution)
    order = await work_orders.locked(session, principal, Permission.ORDERS_DISPATCH, row.order_id)
    if resolution == "apply":
        row.result = await _apply(session, principal, row, order, note)
    elif resolution == "split":
        row.result = await _split(session, principal, row, order, fields)
    else:
        row.result = {"state": order.state}
    row.resolution, row.note = resolution, note
    row.resolved_by, row.resolved_at = principal.id, clock.now()
    await session.flush()
    await _tell(session, principal, row)
    return await conflicts.one(session, row.id)


async def _tell(session: AsyncSession, principal: Principal, row: PhoneConflict) -> None:
    tokens = [feed.station_token(row.station_id)]
    await feed.append(session, "phone_conflict", row.id, before=tokens, after=tokens)
    await notices.end(session, f"conflict:{row.id}")
    data = {
        "conflict_id": str(row.id),
        "command_id": str(row.command_id),
        "reason": row.reason,
        "resolution": row.resolution,
    }
    key = f"resolved:{row.id}"
    await notices.put(session, key, row.user_id, "conflict_resolved", row.order_id, data)
    await audit.record(
        session, principal, "resolved", "phone_conflict", row.id, resolution=row.resolution
    )


async def _apply(
    session: AsyncSession,
    principal: Principal,
    row: PhoneConflict,
    order: WorkOrder,
    note: str,
) -> dict[str, Any]:
    """The order back to the technician's crew, the missing steps, then the act itself."""
    assert row.crew_id is not None
    command, when = _command(row), await _done_at(session, row)
    if row.reason == "fields_differ":
        await completions.reopen(session, principal, order.id, note)
        await session.refresh(order)
    holding = await assignments.current(session, order)
    desk = Act.now(principal, Role.DISPATCHER, Role.STATION_CHIEF)
    if holding is None or holding.crew_id != row.crew_id:
        await assignments.assign(
            session, order, row.crew_id, desk, how="manual", reason=note, override_offline=True
        )
    person = await identity.principal_of_user(session, row.user_id)
    # They acted as members of this crew, wherever they are today.
    actor = replace(person, crew_ids=person.crew_ids | {row.crew_id}, device_id=row.device_id)
    decided = {"conflict_id": str(row.id), "decided_by": str(principal.id)}
    steps = await _walk(session, actor, order, ACTION_OF[command.kind], when.at, decided)
    result = await execution.carry_out_late(session, actor, order, command, when, decided)
    return {"state": order.state, "steps": steps, **(result or {})}


def _command(row: PhoneConflict) -> CommandIn:
    """What was said, as a command of today; raises CommandOutdated when it is none any more."""
    said = {name: value for name, value in row.said.items() if name != "corrected_at"}
    try:
        return CommandIn.model_validate(said)
    except ValidationError as error:
        wrong = [".".join(map(str, each["loc"])) for each in error.errors(include_url=False)]
        raise CommandOutdated(fields=wrong) from error


async def _done_at(session: AsyncSession, row: PhoneConflict) -> Corrected:
    """The time that was measured when the command came, within when the crew had the order.

    Not measured again: since then the phone's clock may have been set.
    """
    claimed = datetime.fromisoformat(row.said["corrected_at"])
    assert row.crew_id is not None
    earliest = await repository.crew_held_since(session, row.order_id, row.crew_id, row.raised_at)
    return policy.possible(claimed, earliest, clock.now())


async def _walk(
    session: AsyncSession,
    actor: Principal,
    order: WorkOrder,
    action: Action,
    at: datetime,
    decided: dict[str, str],
) -> list[str]:
    """Take the steps before `action` that are missing, none later than it was.

    Raises IllegalTransition without a way.
    """
    taken: list[str] = []
    while State(order.state) not in RULES[action].sources:
        step = STEPS.get(State(order.state))
        if step is None:
            raise IllegalTransition(
                f"no step leads from {order.state} to {action.value}",
                state=order.state,
                action=action.value,
                allowed=allowed_actions(State(order.state)),
            )
        act = Act(kind="user", at=at, principal=actor, role=Role.TECHNICIAN)
        before = await _said_at_start(session, order) if step is Action.STARTED else {}
        await transition(session, order, step, act, **(before | decided))
        taken.append(step.value)
    return taken


async def _said_at_start(session: AsyncSession, order: WorkOrder) -> dict[str, Any]:
    """Guardian and checklist of the start before: they are not made up for a decision."""
    query = (
        select(WorkOrderEvent)
        .where(
            WorkOrderEvent.order_id == order.id,
            WorkOrderEvent.action == Action.STARTED.value,
        )
        .order_by(col(WorkOrderEvent.seq).desc())
        .limit(1)
    )
    event = (await session.exec(query)).one_or_none()
    names = ("guardian_id", "checklist_confirmed")
    return {name: event.payload[name] for name in names if event and name in event.payload}


async def _split(
    session: AsyncSession,
    principal: Principal,
    row: PhoneConflict,
    order: WorkOrder,
    fields: list[str],
) -> dict[str, Any]:
    """Let the chosen fields join the record as what the technician noted."""
    said = {name: value for name, value in _fields(row.said).items() if value}
    if row.reason == "fields_differ":  # whatever can join has joined
        said = {}
    chosen = {name: value for name, value in said.items() if name in fields}
    try:
        taken = ContributionIn.model_validate(chosen)
    except ValidationError as error:  # nothing was chosen, or it is of no shape of today
        raise NothingToSplit(said=sorted(said)) from error
    act = Act.now(principal, Role.DISPATCHER, Role.STATION_CHIEF)
    written = await contributions.contribute(
        session,
        order,
        act,
        taken,
        user_id=row.user_id,
        command_id=row.command_id,
        payload={"conflict_id": str(row.id)},
    )
    return {"state": order.state, "contribution_id": str(written.id), "fields": sorted(chosen)}


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    """What a command said that can join a record, as it stands: its schema may have changed."""
    if (contribution := said.get("contribution")) is not None:
        return dict(contribution)
    if (record := said.get("completion")) is not None:
        joining = (("note", "summary"), ("readings",) * 2, ("parts",) * 2, ("files", "manifest"))
        return {name: record.get(was) for name, was in joining}
    note = said.get("note") or said.get("reason")
    return {"note": note, "readings": said.get("readings")}
