"""Tells customers what becomes of their order: one text message per happening."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as policies
from app.catalogue.models import FaultCode
from app.core import clock, settings, sql
from app.core.db import Database
from app.core.i18n import Language, Text
from app.core.ids import new_id
from app.customers import consents
from app.customers.models import Customer
from app.notifications import customer_links, customer_texts
from app.notifications.customer_models import CustomerMessage
from app.notifications.customer_texts import Kind
from app.organisation.models import Crew
from app.travel import service as travel
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.models import Assignment, WorkOrder, WorkOrderEvent
from app.work_orders.states import Action, State

log = logging.getLogger(__name__)
NOT_CALLED = frozenset({"import", "revisit"})
"""Channels by which nobody just reported: a receipt would be news from yesterday."""


async def tell_customer(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """Queue the message that the catalogue has for this action; once, however often it is tried."""
    told = customer_texts.catalogue().told_on(_happening(event))
    if told is None:
        return
    name, kind = told
    if name == "received" and order.channel in NOT_CALLED:
        return
    key = f"{order.id}:{name}" + ("" if kind.once else f":{event.seq}")
    await _queue(session, order, name, kind, key)


def _happening(event: WorkOrderEvent) -> Action:
    """What it is to the customer: a crew that goes on after a hold on its way sets out again."""
    action = Action(event.action)
    goes_on = action is Action.RESUMED and event.to_state == State.ENROUTE.value
    return Action.DEPARTED if goes_on else action


async def watch_arrivals(database: Database) -> int:
    """Tell who was promised an arrival that has slipped, once per promise; returns how many.

    The way's message promises what it named, or what its link showed first; before it, and where
    nobody could say, the end of the appointment is the promise.
    """
    async with database.transaction() as session:
        slip_s = (await policies.policy(session)).rules.messages.delay_s
        await session.execute(text(_FIRST_SHOWN))
        rows = await session.execute(text(_SLIPPED), {"slip": timedelta(seconds=slip_s)})
        late = [(row.order_id, row.assignment_id, row.key) for row in rows]
    for order_id, assignment_id, key in late:
        try:
            async with database.transaction() as session:
                order = await work_orders.locked_any(session, order_id)
                if order.assignment_id == assignment_id:
                    kind = customer_texts.catalogue().kinds["delay"]
                    await _queue(session, order, "delay", kind, key)
        except Exception:
            log.exception("ALERT the delay of order %s could not be told", order_id)
    return len(late)


_FIRST_SHOWN = """
UPDATE customer_messages m SET promised_at = e.arrive_at
  FROM arrival_estimates e
  JOIN work_orders o ON o.id = e.order_id AND o.state = 'ENROUTE'
  JOIN assignments a ON a.id = o.assignment_id AND a.crew_id = e.crew_id
 WHERE m.order_id = o.id AND m.assignment_id = a.id AND m.kind = 'on_the_way'
   AND m.promised_at IS NULL AND e.computed_at >= m.created_at
"""
_SLIPPED = """
SELECT * FROM (
  SELECT o.id AS order_id, a.id AS assignment_id, p.promised_at, e.arrive_at,
      concat_ws(':', o.id, 'delay', a.id, extract(epoch FROM p.promised_at)::bigint) AS key
    FROM arrival_estimates e
    JOIN work_orders o ON o.id = e.order_id AND o.state IN ('ACCEPTED', 'ENROUTE')
    JOIN assignments a ON a.id = o.assignment_id AND a.crew_id = e.crew_id
    CROSS JOIN LATERAL (
        SELECT coalesce(max(m.promised_at), o.appointment_to) AS promised_at
          FROM customer_messages m
         WHERE m.order_id = o.id AND m.assignment_id = a.id AND m.kind = 'on_the_way') p
) late
 WHERE arrive_at > promised_at + CAST(:slip AS interval)
   AND NOT EXISTS (SELECT FROM customer_messages d WHERE d.key = late.key)
 ORDER BY promised_at, order_id
"""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the sentences name."""

    language: Language
    fault: Text
    crew: str
    assignment: Assignment | None
    arrive_at: datetime | None


async def _facts(session: AsyncSession, order: WorkOrder, kind: Kind) -> _Facts:
    fault = await session.get_one(FaultCode, order.fault_code_id)
    customer = await session.get(Customer, order.customer_id) if order.customer_id else None
    assignment = await assignments.current(session, order)
    crew = await session.get(Crew, assignment.crew_id) if assignment else None
    estimate = None
    if "{arrival}" in kind.zh:
        estimate = (await travel.awaited(session, [order.id])).get(order.id)
    return _Facts(
        language="en" if customer is not None and customer.language == "en" else "zh",
        fault=Text(fault.name_zh, fault.name_en),
        crew=crew.name if crew else "",
        assignment=assignment,
        arrive_at=estimate.arrive_at if estimate else None,
    )


async def _queue(session: AsyncSession, order: WorkOrder, name: str, kind: Kind, key: str) -> None:
    facts = await _facts(session, order, kind)
    named = _values(order, facts)
    words = customer_texts.rendered(kind, facts.language, named, _shown_link(kind, facts))
    if words is None:
        return
    said = await consents.said_of(session, order.caller_phone)
    wanted = said is None or said.allowed
    row = {
        "id": new_id(),
        "key": key,
        "order_id": order.id,
        "assignment_id": facts.assignment.id if facts.assignment else None,
        "kind": name,
        "phone": order.caller_phone,
        "language": facts.language,
        "text": words,
        "named": {place: value for place, value in named.items() if value},
        "state": "queued" if wanted else "unwanted",
        "promised_at": facts.arrive_at,
        "created_at": clock.now(),
        "due_at": clock.real_now(),
        "attempts": 0,
    }
    await sql.insert_once(session, "customer_messages", row)


def _values(order: WorkOrder, facts: _Facts) -> dict[str, str]:
    language = facts.language
    reasons = customer_texts.catalogue().reasons
    return {
        "serial": order.serial,
        "fault": facts.fault.of(language),
        "crew": facts.crew,
        "slot": customer_texts.slot(order.appointment_from, order.appointment_to, language),
        "until": customer_texts.when(order.hold_until, language),
        "reason": reasons.get(order.hold_reason or "", {}).get(language, ""),
        "arrival": customer_texts.when(facts.arrive_at, language),
    }


LINK = "…"
"""Stands in the stored text for the secret part, which is made when the message leaves."""


def _shown_link(kind: Kind, facts: _Facts) -> str | None:
    if kind.link is None or settings.current().public_url is None:
        return None
    return None if kind.link == "visit" and facts.assignment is None else LINK


def link_of(message: CustomerMessage) -> str:
    """The link of a message as it is sent."""
    kind = customer_texts.catalogue().kinds[message.kind]
    base = settings.current().public_url
    assert kind.link is not None and base is not None
    word = customer_links.sign(kind.link, message.id, timedelta(hours=kind.link_hours))
    return f"{base.rstrip('/')}/{kind.link}/{word}"
