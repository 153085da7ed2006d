"""The one door through which an order's state changes."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.chain import chained_hash
from app.core.permissions import Role
from app.work_orders import clock_store, effects
from app.work_orders.acts import Act
from app.work_orders.errors import IllegalTransition, NotYourRole
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.registry import registry
from app.work_orders.rules import RULES, Rule, allowed_actions
from app.work_orders.states import Action, State


async def transition(
    session: AsyncSession, order: WorkOrder, action: Action, act: Act, **payload: Any
) -> WorkOrderEvent:
    """Do `action` to a locked order: rule, guards, effects, event, clocks, feed, subscribers.

    A person acts by a role that is valid at the order's station, whatever else they hold.
    `payload` must be JSON-ready; it is kept in the event. Raises IllegalTransition, NotYourRole
    and what the guards raise; nothing is written then.
    """
    rule = _rule_for(order, action)
    act = _in_role(order, action, act, rule)
    for guard in rule.guards:
        await registry.check(guard, session, order, act, payload)
    before = await audience(session, order)
    held_by = await effects.current_crew_id(session, order)
    from_state = State(order.state) if order.last_seq else None
    target = await effects.apply(session, order, action, act, payload, rule.target)
    order.state = target.value
    order.version += 1
    event = _next_event(order, action, act, from_state, payload)
    with session.no_autoflush:  # so that the order is written once, with what is due next
        await clock_store.step(session, order, action, event.at, event.payload)
    session.add(event)
    await session.flush()
    await feed.append(
        session, "work_order", order.id, before=before, after=await audience(session, order)
    )
    await registry.tell(session, order, event)
    # Last, so that subscribers still find in the crew whom they tell of its loss.
    await effects.release(session, order, held_by)
    await session.flush()
    return event


def _rule_for(order: WorkOrder, action: Action) -> Rule:
    rule = RULES[action]
    state = State(order.state)
    newborn = order.last_seq == 0 and not rule.sources
    if not newborn and state not in rule.sources:
        raise IllegalTransition(
            f"{action.value} is not possible in {state.value}",
            state=state.value,
            action=action.value,
            allowed=allowed_actions(state),
        )
    return rule


def _in_role(order: WorkOrder, action: Action, act: Act, rule: Rule) -> Act:
    """The act, in a role that the rule names and the actor holds at the order's station."""
    if act.principal is None:
        if not (rule.links if act.kind == "customer" else rule.timers):
            raise NotYourRole(action=action.value, roles=sorted(rule.roles))
        return act
    if act.principal.is_api_key:
        return act
    valid = rule.roles & act.principal.roles_at(order.station_id)
    if not valid:
        raise NotYourRole(action=action.value, roles=sorted(rule.roles))
    if act.role in valid:
        return act
    return replace(act, role=min(valid, key=list(Role).index))


async def audience(session: AsyncSession, order: WorkOrder) -> set[str]:
    """Who sees the order now: its station, and the crew that holds it."""
    tokens = {feed.station_token(order.station_id)}
    crew_id: UUID | None = await effects.current_crew_id(session, order)
    if crew_id is not None:
        tokens.add(feed.crew_token(crew_id))
    return tokens


def _next_event(
    order: WorkOrder,
    action: Action,
    act: Act,
    from_state: State | None,
    payload: dict[str, Any],
) -> WorkOrderEvent:
    if act.place is not None:
        payload = {**payload, "place": [f"{part:.6f}" for part in act.place[:2]]}
        if act.place.accuracy_m is not None:
            payload["accuracy_m"] = round(act.place.accuracy_m)
    row: dict[str, Any] = {
        "order_id": order.id,
        "seq": order.last_seq + 1,
        "action": action.value,
        "from_state": from_state.value if from_state else None,
        "to_state": order.state,
        "actor_kind": act.kind,
        "actor_id": act.actor_id,
        "actor_role": act.role.value if act.role else None,
        "device_id": act.device_id,
        "assignment_id": order.assignment_id,
        "client_at": act.client_at,
        "at": act.at,
        "server_at": clock.now(),
        "payload": payload,
    }
    digest = chained_hash(order.last_hash, row)
    event = WorkOrderEvent(**row, prev_hash=order.last_hash, hash=digest)
    order.last_seq += 1
    order.last_hash = digest
    return event
