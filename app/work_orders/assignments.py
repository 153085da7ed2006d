"""Dispatching: send, reassign, transfer, withdraw, pin, and joint crews."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission
from app.core.problems import NotFound
from app.organisation import service as organisation
from app.organisation.models import Crew
from app.work_orders import effects
from app.work_orders.acts import Act
from app.work_orders.errors import IllegalTransition, LimitReached
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.rules import RULES, allowed_actions
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

MOST_TRANSFERS = 2
"""Then the coordinator decides (DOMAIN transition 7)."""

current = effects.current


async def assign(
    session: AsyncSession,
    order: WorkOrder,
    crew_id: UUID,
    act: Act,
    *,
    how: str,
    reason: str | None = None,
    override_offline: bool = False,
) -> WorkOrderEvent:
    """Give the order to a crew: 4 when it waits, 4a when it was only sent, 7 when accepted.

    Raises NotFound for a crew outside the actor's scope, CrewNotQualified, LimitReached and
    IllegalTransition (started work moves only by the desk, never by the planner).
    """
    await _require_crew_in_scope(session, crew_id, act)
    state = State(order.state)
    if state is State.SENT:
        action = Action.RESENT
    elif state in RULES[Action.TRANSFERRED].sources:
        action = Action.TRANSFERRED
        if order.transfers >= MOST_TRANSFERS:
            raise LimitReached(limit=MOST_TRANSFERS)
    else:
        action = Action.SENT
    held = await effects.current_crew_id(session, order)
    if held == crew_id:
        raise IllegalTransition(
            "the order is with this crew already",
            state=state.value,
            action=action.value,
            allowed=allowed_actions(state),
        )
    return await transition(
        session,
        order,
        action,
        act,
        crew_id=str(crew_id),
        from_crew_id=str(held) if held else None,
        how=how,
        reason=reason,
        override_offline=override_offline,
    )


async def _require_crew_in_scope(session: AsyncSession, crew_id: UUID, act: Act) -> None:
    crew = await session.get(Crew, crew_id)
    if crew is None or (
        act.principal is not None
        and not act.principal.covers(Permission.ORDERS_DISPATCH, crew.station_id)
    ):
        raise NotFound()


async def withdraw(
    session: AsyncSession, order: WorkOrder, act: Act, reason: str
) -> WorkOrderEvent:
    """Take a sent order back before it is accepted (4b)."""
    crew_id = await effects.current_crew_id(session, order)
    return await transition(
        session,
        order,
        Action.WITHDRAWN,
        act,
        reason=reason,
        crew_id=str(crew_id) if crew_id else None,
    )


async def pin(
    session: AsyncSession, order: WorkOrder, crew_id: UUID | None, act: Act, reason: str
) -> WorkOrderEvent:
    """Tell the planner which crew must get it, or free it again with None."""
    if crew_id is not None:
        await _require_crew_in_scope(session, crew_id, act)
    order.preferred_crew_id = crew_id
    order.pinned = crew_id is not None
    return await transition(
        session,
        order,
        Action.PINNED,
        act,
        crew_id=str(crew_id) if crew_id else None,
        reason=reason,
    )


async def form_joint_crew(
    session: AsyncSession,
    order: WorkOrder,
    technician_ids: list[UUID],
    leader_id: UUID,
    act: Act,
    reason: str,
) -> Crew:
    """Join members of several crews for an order that no crew can do, and send it to them.

    The crew ends when it loses the order. Raises NotFound for somebody outside the actor's
    scope, CrewNotFormed and what `assign` raises.
    """
    within = act.principal.stations(Permission.ORDERS_DISPATCH) if act.principal else None
    crew = await organisation.form_joint_crew(
        session,
        station_id=order.station_id,
        technician_ids=technician_ids,
        leader_id=leader_id,
        name=f"联合 {order.serial}",
        within=within,
        since=act.at,
    )
    await session.flush()
    await assign(session, order, crew.id, act, how="manual", reason=reason)
    return crew
