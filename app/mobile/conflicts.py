"""The conflict inbox: what a technician did and the state no longer allowed.

It is never dropped and never written over what stands: a person decides.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.permissions import Permission
from app.core.problems import NotFound, Problem
from app.core.scope import Principal, scoped
from app.identity.models import User
from app.mobile import notices
from app.mobile.errors import RecordStands
from app.mobile.models import PhoneConflict
from app.mobile.schemas import CommandIn, ConflictReason
from app.work_orders.errors import ApprovalPending, IllegalTransition, LeaderOnly, NotYours
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import ENDED, Action, State

ACTION_OF: dict[str, Action] = {
    "accept": Action.ACCEPTED,
    "refuse": Action.REFUSED,
    "contact": Action.CONTACTED,
    "depart": Action.DEPARTED,
    "arrive": Action.ARRIVED,
    "start": Action.STARTED,
    "restore": Action.RESTORED,
    "make_safe": Action.MADE_SAFE,
    "hold": Action.HOLD_REQUESTED,
    "return": Action.RETURNED,
    "rebook": Action.REBOOKED,
    "record": Action.NOTED,
    "complete": Action.COMPLETED,
}
AFTER_WORK = frozenset({State.DONE, State.REVISIT})

_LAST_HELD = """
SELECT a.id, a.crew_id, a.ended_at FROM assignments a
  JOIN crew_members m ON m.crew_id = a.crew_id AND m.technician_id = :technician
 WHERE a.order_id = :order
   AND (a.ended_at IS NULL OR m.since <= a.ended_at)
   AND (m.until IS NULL OR m.until >= a.assigned_at)
 ORDER BY a.assigned_at DESC, a.id DESC LIMIT 1
"""


class Conflict(NamedTuple):
    """Why a command cannot stand, for which crew it was done, and what stands instead."""

    order: WorkOrder
    crew_id: UUID
    reason: ConflictReason
    stands: dict[str, Any]


async def judged(
    session: AsyncSession, principal: Principal, command: CommandIn, problem: Problem
) -> Conflict | None:
    """The conflict behind a refusal, or None when the refusal is the command's own fault.

    An order that no crew of the technician's ever held is nobody's business: the refusal stays.
    """
    wanted = (IllegalTransition, NotYours, LeaderOnly, ApprovalPending, RecordStands, NotFound)
    if not isinstance(problem, wanted) or principal.technician_id is None:
        return None
    query = select(WorkOrder).where(WorkOrder.id == command.order_id).with_for_update()
    order = (await session.exec(query)).one_or_none()
    if order is None:
        return None
    values = {"technician": principal.technician_id, "order": order.id}
    held = (await session.execute(text(_LAST_HELD), values)).one_or_none()
    if held is None:
        return None
    same = await _event(session, order.id, ACTION_OF[command.kind], held.id)
    reason = reason_of(problem, command.kind, State(order.state), held.ended_at, same is not None)
    event = same or await _event(session, order.id)
    stands = {
        "state": order.state,
        "version": order.version,
        "assignment_id": str(order.assignment_id) if order.assignment_id else None,
        "crew_id": await _crew_of(session, order),
        "event": await _told(session, event) if event else None,
    }
    return Conflict(order, held.crew_id, reason, stands)


def reason_of(
    problem: Problem,
    kind: str,
    state: State,
    lost_at: datetime | None,
    done_before: bool,
) -> ConflictReason:
    """Why the state did not allow it; `lost_at` is when the technician's crew lost the order."""
    if isinstance(problem, RecordStands):
        return "fields_differ"
    if isinstance(problem, ApprovalPending):
        return "approval_pending"
    if isinstance(problem, LeaderOnly):
        return "not_leader"
    if state in ENDED:
        return "order_ended"
    if done_before or (state in AFTER_WORK and lost_at is None):
        return "already_done"
    if lost_at is not None or isinstance(problem, NotYours | NotFound):
        return "reassigned"
    return "already_done" if _reached(kind, state) else "too_early"


_STEPS = (State.SENT, State.ACCEPTED, State.ENROUTE, State.ONSITE, State.WORKING, State.DONE)
_LEADS_TO = {
    "accept": State.ACCEPTED,
    "contact": State.ACCEPTED,
    "depart": State.ENROUTE,
    "arrive": State.ONSITE,
    "start": State.WORKING,
    "complete": State.DONE,
}


def _reached(kind: str, state: State) -> bool:
    """Whether the order is as far already as the act would have brought it."""
    target = _LEADS_TO.get(kind)
    return target is not None and state in _STEPS and _STEPS.index(state) >= _STEPS.index(target)


async def _event(
    session: AsyncSession,
    order_id: UUID,
    action: Action | None = None,
    assignment_id: UUID | None = None,
) -> WorkOrderEvent | None:
    query = (
        select(WorkOrderEvent)
        .where(WorkOrderEvent.order_id == order_id)
        .order_by(col(WorkOrderEvent.seq).desc())
        .limit(1)
    )
    if action is not None:
        query = query.where(
            WorkOrderEvent.action == action.value, WorkOrderEvent.assignment_id == assignment_id
        )
    return (await session.exec(query)).one_or_none()


async def _crew_of(session: AsyncSession, order: WorkOrder) -> str | None:
    row = await session.execute(
        text("SELECT crew_id::text FROM assignments WHERE id = :id"), {"id": order.assignment_id}
    )
    found: str | None = row.scalar_one_or_none()
    return found


async def _told(session: AsyncSession, event: WorkOrderEvent) -> dict[str, Any]:
    user = await session.get(User, event.actor_id) if event.actor_kind == "user" else None
    return {
        "seq": event.seq,
        "action": event.action,
        "at": event.at.isoformat(),
        "by": str(event.actor_id) if event.actor_id else event.actor_kind,
        "by_name": user.display_name if user else None,
        "device_id": str(event.device_id) if event.device_id else None,
    }


async def keep(
    session: AsyncSession,
    principal: Principal,
    command: CommandIn,
    conflict: Conflict,
    problem: dict[str, Any],
    corrected_at: datetime,
) -> PhoneConflict:
    """Put it into the inbox; the station's screens and the technician's phone hear of it."""
    assert principal.device_id is not None
    row = PhoneConflict(
        command_id=command.id,
        order_id=conflict.order.id,
        station_id=conflict.order.station_id,
        user_id=principal.id,
        device_id=principal.device_id,
        crew_id=conflict.crew_id,
        kind=command.kind,
        reason=conflict.reason,
        said=command.model_dump(mode="json", exclude_none=True)
        | {"corrected_at": corrected_at.isoformat()},
        stands=conflict.stands,
        problem=problem,
        raised_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    await feed.append(session, "phone_conflict", row.id, after=[feed.station_token(row.station_id)])
    data = {
        "conflict_id": str(row.id),
        "command_id": str(row.command_id),
        "reason": row.reason,
        "resolution": None,
    }
    await notices.put(session, f"conflict:{row.id}", row.user_id, "conflict", row.order_id, data)
    return row


class Listed(NamedTuple):
    """A conflict with the names that a reader wants."""

    conflict: PhoneConflict
    order_serial: str
    user_name: str


async def listed(
    session: AsyncSession,
    *where: ColumnElement[bool],
    open_: bool | None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 200,
) -> list[Listed]:
    """Conflicts that the clauses select, newest first, after (raised_at, id)."""
    query = (
        select(PhoneConflict, WorkOrder.serial, User.display_name)
        .join(WorkOrder, col(WorkOrder.id) == PhoneConflict.order_id)
        .join(User, col(User.id) == PhoneConflict.user_id)
        .where(*where)
        .order_by(col(PhoneConflict.raised_at).desc(), col(PhoneConflict.id).desc())
        .limit(limit)
    )
    if open_ is not None:
        undecided = col(PhoneConflict.resolved_at).is_(None)
        query = query.where(undecided if open_ else ~undecided)
    if after is not None:
        at, row_id = after
        earlier = (col(PhoneConflict.raised_at) == at) & (col(PhoneConflict.id) < row_id)
        query = query.where((col(PhoneConflict.raised_at) < at) | earlier)
    return [Listed(*row) for row in (await session.exec(query)).all()]


def in_scope(principal: Principal) -> ColumnElement[bool]:
    """Conflicts at stations whose work the caller directs."""
    return scoped(principal, Permission.ORDERS_DISPATCH, PhoneConflict.station_id)


def own(principal: Principal) -> ColumnElement[bool]:
    """Conflicts of the caller's own acts."""
    return col(PhoneConflict.user_id) == principal.id


async def one(session: AsyncSession, conflict_id: UUID, *where: ColumnElement[bool]) -> Listed:
    """One conflict; raises NotFound outside the clauses."""
    found = await listed(session, col(PhoneConflict.id) == conflict_id, *where, open_=None)
    if not found:
        raise NotFound()
    return found[0]
