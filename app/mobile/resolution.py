"""Deciding on a conflict: carry the act out after all, keep what stands, or take over parts."""

from dataclasses import replace
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
from app.mobile import conflicts, execution, notices
from app.mobile.conflicts import ACTION_OF, Listed
from app.mobile.errors import AlreadyResolved, NothingToSplit
from app.mobile.models import PhoneConflict
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

    Raises NotFound, AlreadyResolved, NothingToSplit and what the order's own rules raise.
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
    command = CommandIn.model_validate(
        {name: value for name, value in row.said.items() if name != "corrected_at"}
    )
    order = await work_orders.locked(session, principal, Permission.ORDERS_DISPATCH, row.order_id)
    if resolution == "apply":
        row.result = await _apply(session, principal, row, order, command, note)
    elif resolution == "split":
        row.result = await _split(session, principal, row, order, command, fields)
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
    command: CommandIn,
    note: str,
) -> dict[str, Any]:
    """The order back to the technician's crew, the missing steps, then the act itself."""
    assert row.crew_id is not None
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
    steps = await _walk(session, actor, order, ACTION_OF[command.kind], decided)
    result = await execution.carry_out_late(session, actor, order, command, decided)
    return {"state": order.state, "steps": steps, **(result or {})}


async def _walk(
    session: AsyncSession,
    actor: Principal,
    order: WorkOrder,
    action: Action,
    decided: dict[str, str],
) -> list[str]:
    """Take the steps before `action` that are missing; raises IllegalTransition without a way."""
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
        act = Act(kind="user", at=clock.now(), principal=actor, role=Role.TECHNICIAN)
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
    command: CommandIn,
    fields: list[str],
) -> dict[str, Any]:
    """Let the chosen fields join the record as what the technician noted."""
    said = {name: value for name, value in _fields(command).items() if value}
    if row.reason == "fields_differ":  # whatever can join has joined
        said = {}
    chosen = {name: value for name, value in said.items() if name in fields}
    try:
        taken = ContributionIn.model_validate(chosen)
    except ValidationError as error:
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


def _fields(command: CommandIn) -> dict[str, Any]:
    """What a command said that can join a record."""
    if command.contribution is not None:
        return command.contribution.model_dump(mode="json")
    if command.completion is not None:
        record = command.completion.model_dump(mode="json")
        return {
            "note": record["summary"],
            "readings": record["readings"],
            "parts": record["parts"],
            "files": record["manifest"],
        }
    readings = [each.model_dump(mode="json") for each in command.readings or ()]
    return {"note": command.note or command.reason, "readings": readings}
