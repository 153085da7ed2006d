"""Urging (催办, 24) and supervision (督办, 25): who asked, who owes a reply, what silence means.

Every asking and every reply is an event of the order; a row of `reply_duties` keeps what is owed.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.catalogue.policies import Policy
from app.core.ids import new_id
from app.core.permissions import Permission, Role
from app.core.problems import NotFound
from app.core.scope import Principal
from app.work_orders import service
from app.work_orders.acts import Act
from app.work_orders.errors import DutyAnswered, NotYourRole
from app.work_orders.models import ReplyDuty, WorkOrder
from app.work_orders.rules import RULES
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition

URGE = "urge"
SUPERVISION = "supervision"
URGE_ANSWERERS = frozenset({Role.DISPATCHER, Role.STATION_CHIEF, Role.MANAGER})


async def urge(session: AsyncSession, order: WorkOrder, act: Act, reason: str) -> ReplyDuty:
    """Ask again: a new urge with its reply duty, or one more of the urge that was just made.

    Every third raises the supervision by a level (numbers are the policy's).
    """
    rules = (await catalogue.policy(session)).rules
    last = await _last_urge(session, order)
    recent = last is not None and act.at - last.opened_at < timedelta(seconds=rules.urging.merge_s)
    if last is not None and recent and last.answered_at is None:
        last.merged += 1
        last.last_at = max(last.last_at, act.at)
        await transition(
            session, order, Action.URGE_MERGED, act, reason=reason, duty_id=str(last.id)
        )
        return last
    duty = ReplyDuty(
        order_id=order.id,
        kind=URGE,
        cause="customer",
        key=f"urge:{order.urges + 1}",
        reason=reason,
        opened_at=act.at,
        opened_by=act.actor_id,
        last_at=act.at,
        due_at=act.at + timedelta(seconds=rules.urging.reply_s),
    )
    session.add(duty)
    await session.flush()
    await transition(session, order, Action.URGED, act, reason=reason, duty_id=str(duty.id))
    if order.urges % rules.urging.urges_per_level == 0:
        level = min(order.supervision_level + 1, rules.supervision.highest_automatic)
        why = f"urged {order.urges} times"
        await raise_to(session, order, rules, level, "urges", f"urges:{order.urges}", why)
    return duty


async def _last_urge(session: AsyncSession, order: WorkOrder) -> ReplyDuty | None:
    statement = (
        select(ReplyDuty)
        .where(ReplyDuty.order_id == order.id, ReplyDuty.kind == URGE)
        .order_by(col(ReplyDuty.last_at).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def is_urged_by_customer(session: AsyncSession, order: WorkOrder) -> bool:
    """Whether the customer's own urge, by a link, still waits for its reply."""
    statement = select(ReplyDuty.id).where(
        ReplyDuty.order_id == order.id,
        ReplyDuty.kind == URGE,
        col(ReplyDuty.opened_by).is_(None),
        col(ReplyDuty.answered_at).is_(None),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def supervise(
    session: AsyncSession, principal: Principal, order: WorkOrder, level: int, reason: str
) -> ReplyDuty:
    """A chief supervises for the station, a manager for any level; raises NotYourRole."""
    wanted = (Role.STATION_CHIEF, Role.MANAGER) if level == 1 else (Role.MANAGER,)
    if not principal.roles_at(order.station_id) & set(wanted):
        raise NotYourRole(action=Action.SUPERVISED.value, roles=sorted(wanted))
    rules = (await catalogue.policy(session)).rules
    act = Act.now(principal, *wanted)
    key = f"manual:{new_id()}"
    return await raise_to(session, order, rules, level, "manual", key, reason, act=act)


async def raise_to(
    session: AsyncSession,
    order: WorkOrder,
    rules: Policy,
    level: int,
    cause: str,
    key: str,
    reason: str,
    *,
    act: Act | None = None,
    **told: Any,
) -> ReplyDuty:
    """Open a supervision at `level`; without `act` a timer does. `key` is new to the order."""
    act = act or Act.by_timer()
    due_at = act.at + timedelta(seconds=rules.supervision.of(level).reply_s)
    duty = ReplyDuty(
        order_id=order.id,
        kind=SUPERVISION,
        level=level,
        cause=cause,
        key=key,
        reason=reason,
        opened_at=act.at,
        opened_by=act.actor_id,
        last_at=act.at,
        due_at=due_at,
    )
    session.add(duty)
    await session.flush()
    said = {"duty_id": str(duty.id), "level": level, "cause": cause, "reason": reason}
    said |= {"due_at": due_at.isoformat()}
    await transition(session, order, Action.SUPERVISED, act, **(said | told))
    return duty


async def answer(
    session: AsyncSession, principal: Principal, duty_id: UUID, reply: str
) -> tuple[ReplyDuty, WorkOrder]:
    """Give the reply that is owed: nothing else closes it, not even the order's end.

    Raises NotFound outside the scope, NotYourRole below the level's posts, and DutyAnswered.
    """
    duty = await session.get(ReplyDuty, duty_id)
    if duty is None:
        raise NotFound()
    order = await service.locked(session, principal, Permission.ORDERS_APPROVE, duty.order_id)
    await session.refresh(duty)
    if duty.answered_at is not None:
        raise DutyAnswered(answered_at=duty.answered_at.isoformat())
    rules = (await catalogue.policy(session)).rules
    posts = rules.supervision.of(duty.level).answered_by if duty.level else URGE_ANSWERERS
    action = Action.SUPERVISION_ANSWERED if duty.level else Action.URGE_ANSWERED
    if not posts & principal.roles_at(order.station_id):
        raise NotYourRole(action=action.value, roles=sorted(posts))
    act = Act.now(principal, *sorted(posts))
    duty.answered_at, duty.answered_by, duty.reply = act.at, principal.id, reply
    await session.flush()
    said = {"duty_id": str(duty.id), "reply": reply, "level": duty.level}
    remaining = await _highest_open(session, order)
    await transition(session, order, action, act, remaining=remaining, **said)
    return duty, order


async def _highest_open(session: AsyncSession, order: WorkOrder) -> int:
    statement = (
        select(ReplyDuty.level)
        .where(ReplyDuty.order_id == order.id, col(ReplyDuty.answered_at).is_(None))
        .order_by(col(ReplyDuty.level).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first() or 0


async def climb(session: AsyncSession, order: WorkOrder, rules: Policy, now: datetime) -> bool:
    """Take silent duties one level up, at most to where timers may go; True when one was silent.

    An order that is supervised at that level, or is over, gets no further one.
    """
    statement = select(ReplyDuty).where(
        ReplyDuty.order_id == order.id,
        col(ReplyDuty.answered_at).is_(None),
        col(ReplyDuty.climbed_at).is_(None),
        ReplyDuty.due_at <= now,
    )
    silent = list((await session.exec(statement.order_by(col(ReplyDuty.opened_at)))).all())
    for duty in silent:
        duty.climbed_at = now
        level = duty.level + 1
        if level > rules.supervision.highest_automatic or level <= order.supervision_level:
            continue
        if State(order.state) in RULES[Action.SUPERVISED].sources:
            why = f"no reply since {duty.opened_at.isoformat()}"
            key = f"silent:{duty.id}"
            await raise_to(session, order, rules, level, "unanswered", key, why)
    return bool(silent)
