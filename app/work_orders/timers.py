"""What clocks ask of orders: a sweep finds them, and each is looked at again under its lock.

The sweep alone is the truth: it reads what is stored, so nothing is lost when a worker dies or
starts late, and a look that comes twice finds nothing to do.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.catalogue.policies import Policy
from app.core import clock
from app.work_orders import approvals, duties, repository, service, timer_rows
from app.work_orders.acts import Act
from app.work_orders.models import Approval, WorkOrder
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

AT_ONCE = 200
"""Orders per look."""


async def orders_with_due_timers(session: AsyncSession, after: UUID | None = None) -> list[UUID]:
    """At most 200 orders that a timer should look at now, by id, beyond the last of a look before.

    What cannot be served stays due: whoever goes on from the last order starves nobody behind it.
    """
    rules = (await catalogue.policy(session)).rules
    return await timer_rows.due(session, rules, clock.now(), AT_ONCE, after)


async def run_due_timers(session: AsyncSession, order_id: UUID) -> bool:
    """Do what clocks of this order ask for, if they still do; True when something happened."""
    order = await service.locked_any(session, order_id)
    rules = (await catalogue.policy(session)).rules
    now = clock.now()
    done = [
        await _hold_over(session, order, rules, now),
        await _not_accepted(session, order, now),
        await _undecided(session, order, rules, now),
        await _late(session, order, rules, now),
        await duties.climb(session, order, rules, now),
    ]
    return any(done)


async def _not_accepted(session: AsyncSession, order: WorkOrder, now: datetime) -> bool:
    """K2 ran out (6)."""
    if order.state != State.SENT.value:
        return False
    spans = await repository.clocks(session, order.id)
    expired = any(
        span.clock == "K2" and span.stopped_at is None and span.due_at and span.due_at <= now
        for span in spans
    )
    if expired:
        await transition(
            session,
            order,
            Action.ACCEPT_EXPIRED,
            Act.by_timer(),
            reason="K2 expired without acceptance",
            assignment_id=str(order.assignment_id),
        )
    return expired


async def _hold_over(session: AsyncSession, order: WorkOrder, rules: Policy, now: datetime) -> bool:
    """The hold's date has come: go on, ask to cancel, or call the company in, by its reason."""
    if order.state != State.HOLD.value or order.hold_until is None or order.hold_until > now:
        return False
    rule = rules.holds.get(order.hold_reason or "")
    reason, until = order.hold_reason, order.hold_until
    if rule is not None and rule.then == "cancel":
        if await approvals.pending(session, order.id) is not None:
            return False  # somebody's request, or our own, waits: the hold goes on until then
        if await approvals.of_timer(session, order, until) is None:
            await approvals.request_cancel_by_timer(session, order, until)
            return True
    await service.resume(session, order, Act.by_timer(), "hold date reached")
    if rule is not None and rule.then == "supervise":
        level = rules.supervision.highest_automatic
        key = f"hold:{until.isoformat()}"
        await duties.raise_to(session, order, rules, level, "hold_over", key, f"{reason} is over")
    return True


async def _undecided(session: AsyncSession, order: WorkOrder, rules: Policy, now: datetime) -> bool:
    """A request that nobody decided goes up to the company."""
    before = now - timedelta(seconds=rules.approvals.escalate_s)
    statement = select(Approval).where(
        Approval.order_id == order.id,
        col(Approval.decided_at).is_(None),
        col(Approval.escalated_at).is_(None),
        Approval.requested_at <= before,
    )
    waiting = (await session.exec(statement)).first()
    if waiting is None:
        return False
    act = Act.by_timer()
    waiting.escalated_at = act.at
    await session.flush()
    said = {"approval_id": str(waiting.id), "asked_for": waiting.action}
    await transition(session, order, Action.APPROVAL_ESCALATED, act, **said)
    return True


async def _late(session: AsyncSession, order: WorkOrder, rules: Policy, now: datetime) -> bool:
    """So much of a limit is used up that somebody above must look."""
    steps = await timer_rows.steps_reached(session, order.id, rules, now)
    for step in steps:
        level = next(each.level for each in rules.supervision.steps if each.percent == step.percent)
        why = f"{step.clock} has used {step.percent} % of its limit"
        told: dict[str, Any] = {"clock": step.clock, "percent": step.percent}
        await duties.raise_to(session, order, rules, level, "clock", step.key, why, **told)
    return bool(steps)
