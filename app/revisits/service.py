"""Recording call-backs: what the customer says closes the order, or opens its rework."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import service as completions
from app.core.ids import new_id
from app.core.permissions import Permission, Role
from app.core.scope import Principal
from app.revisits import repository
from app.revisits.errors import CallsBackOwnWork
from app.revisits.models import Revisit
from app.revisits.policy import Call, Result, result_of
from app.work_orders import duties, intake
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.errors import IllegalTransition
from app.work_orders.models import WorkOrder
from app.work_orders.rules import allowed_actions
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

UNSOLVED = "回访：用户反映问题未解决"
"""What a rework order says when the caller left no comment."""


async def record(
    session: AsyncSession, principal: Principal, order_id: UUID, call: Call
) -> tuple[Revisit, WorkOrder]:
    """Write the attempt down and do what it means; returns it with the order as it stands.

    Solved closes (16). Unsolved opens a linked rework order and closes (17). Not reached is an
    event, and the third time closes as unreached. Raises NotFound, IllegalTransition,
    RevisitContradicts, and CallsBackOwnWork: the call-back confirms pay.
    """
    order = await work_orders.locked(session, principal, Permission.REVISITS_RECORD, order_id)
    if await completions.worked_on(session, principal.id, order.id):
        raise CallsBackOwnWork()
    if order.state != State.REVISIT.value:
        raise _not_called_back(order)
    attempt = len(await repository.of_order(session, order.id)) + 1
    result = result_of(call, attempt)
    act = Act.now(principal, Role.REVISITOR)
    revisit = Revisit(
        id=new_id(),
        order_id=order.id,
        attempt=attempt,
        reached=call.reached,
        solved=call.solved,
        rating=call.rating,
        comment=call.comment,
        called_by=principal.id,
        called_at=act.at,
    )
    if result is Result.UNSOLVED:
        reason = call.comment or UNSOLVED
        rework = await intake.take_rework(session, principal, order, act, reason)
        revisit.rework_order_id = rework.id
    session.add(revisit)
    await session.flush()
    await _carry_out(session, order, act, revisit, result)
    return revisit, order


async def record_by_link(
    session: AsyncSession, order_id: UUID, *, solved: bool, rating: int | None, comment: str | None
) -> WorkOrder:
    """What the customer answers by the link of a text message.

    Solved closes (16). Unsolved opens no rework by itself, which is a revisitor's to judge (17):
    it urges, so that somebody must call; said again before anybody replied, it adds nothing.
    Raises NotFound, and IllegalTransition unless the order waits for its call-back.
    """
    order = await work_orders.locked_any(session, order_id)
    if order.state != State.REVISIT.value:
        raise _not_called_back(order)
    act = Act.by_link()
    if not solved:
        if not await duties.is_urged_by_customer(session, order):
            await duties.urge(session, order, act, comment or UNSOLVED)
        return order
    attempt = len(await repository.of_order(session, order.id)) + 1
    revisit = Revisit(
        id=new_id(),
        order_id=order.id,
        attempt=attempt,
        reached=True,
        solved=True,
        rating=rating,
        comment=comment,
        called_by=None,
        called_at=act.at,
    )
    session.add(revisit)
    await session.flush()
    await _carry_out(session, order, act, revisit, Result.SOLVED)
    return order


def _not_called_back(order: WorkOrder) -> IllegalTransition:
    return IllegalTransition(
        f"an order in {order.state} is not called back",
        state=order.state,
        action=Action.REVISIT_TRIED.value,
        allowed=allowed_actions(State(order.state)),
    )


async def _carry_out(
    session: AsyncSession, order: WorkOrder, act: Act, revisit: Revisit, result: Result
) -> None:
    said = {"revisit_id": str(revisit.id), "attempt": revisit.attempt}
    outcome = said | {"result": result.value, "rating": revisit.rating}
    if not revisit.reached:
        await transition(session, order, Action.REVISIT_TRIED, act, **said)
    if result is Result.UNSOLVED:
        rework_id = str(revisit.rework_order_id)
        await transition(session, order, Action.REWORKED, act, rework_order_id=rework_id, **outcome)
    elif result is not Result.TRY_AGAIN:
        await transition(session, order, Action.CLOSED, act, **outcome)


async def of_order(
    session: AsyncSession, principal: Principal, order_id: UUID
) -> tuple[WorkOrder, Sequence[Revisit]]:
    """The order with its attempts, first to last; NotFound outside the scope of reading orders."""
    order = await work_orders.visible(session, principal, order_id)
    return order, await repository.of_order(session, order.id)
