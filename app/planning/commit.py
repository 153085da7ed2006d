"""Sends what is due: a planned visit becomes a dispatch (DOMAIN section 7).

Who goes now is an assignment problem (OR-Tools, `dispatch.choose_commits`): of the plan's crews
that are free, then, where the plan's crew does not answer, of free crews near by at their price.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError

from app.core import clock, settings
from app.core.problems import Problem
from app.organisation import service as organisation
from app.planning import commit_rows, policy, reason_rows, repository
from app.planning.commit_rows import Due, Hands
from app.planning.context import Planner
from app.planning.handover import hand_over
from app.planning.held_up import EMPTY, Held, held_up, is_free
from app.planning.offers import Offer, Offers, agreed, offers_of
from app.planning.room import may_get
from app.planning.takers import Taking
from app.planning.why_shown import saved_terms
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.states import AWAITING_DISPATCH, State
from dispatch import Candidate

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Committed:
    """What the commit step did: orders sent, and those that could not be, with the problem."""

    sent: dict[UUID, UUID] = field(default_factory=dict)
    handed_over: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """Order -> the plan's crew and what it saves that another one was sent it."""
    refused: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        sent = [
            {"order_id": str(o), "crew_id": str(c)} | self.handed_over.get(o, {})
            for o, c in self.sent.items()
        ]
        return {"committed": sent, "not_committed": self.refused}


async def commit_due(planner: Planner, station_id: UUID) -> Committed:
    """Send the due visits of a station and all below it, each in a transaction of its own.

    Due is what starts within the commit horizon, and danger at once. A crew with an unaccepted
    order, or with two ahead, gets no other, danger excepted: the rest stays planned. Only when all
    that is sent, others are asked for what is held up by crews that do not answer.
    """
    now = clock.now()
    due_before = now + timedelta(seconds=settings.current().commit_horizon_s)
    async with planner.database.transaction() as session:
        stations = await organisation.subtree(session, station_id)
        due = await commit_rows.due_visits(session, stations, due_before)
        hands = await commit_rows.hands_of(session, {visit.crew_id for visit in due})
    done = Committed()
    chosen = await _chosen(planner, *open_choices(due, hands, now))
    for visit in due:
        if visit.order_id in chosen:
            await _send(planner, visit, done)
    await _hand_over_held(planner, held_up(due, hands, now), done)
    return done


def open_choices(
    due: Collection[Due], hands: Mapping[UUID, Hands], at: datetime
) -> tuple[list[Candidate], dict[str, int]]:
    """Candidates and capacity per crew: visits with the plan's crews that are free.

    A visit costs what is left until its start, so that a crew gets its day in order.
    """
    urgent = {visit.order_id for visit in due if visit.service_class == policy.DANGER}
    dangers = Counter(visit.crew_id for visit in due if visit.order_id in urgent)
    free = {visit.crew_id: int(is_free(hands.get(visit.crew_id, EMPTY))) for visit in due}
    candidates = [
        Candidate(
            order_id=str(visit.order_id),
            crew_id=str(visit.crew_id),
            cost_s=max(0, int((visit.start_at - at).total_seconds())) + visit.position,
            urgent=visit.order_id in urgent,
        )
        for visit in due
        if visit.order_id in urgent or free[visit.crew_id]
    ]
    capacity = {str(crew_id): max(count, dangers[crew_id]) for crew_id, count in free.items()}
    return candidates, capacity


def other_choices(offers: Offers) -> tuple[list[Candidate], dict[str, int]]:
    """Candidates and capacity per crew: held-up visits with the crews for which they would save.

    A visit costs less by what that saves; no crew gets two.
    """
    saved = {order_id: offer.worth_it for order_id, offer in offers.items()}
    most = max((each.saved_s for found in saved.values() for each in found.values()), default=0)
    candidates = [
        Candidate(order_id=str(order_id), crew_id=str(crew_id), cost_s=most - taking.saved_s)
        for order_id, found in saved.items()
        for crew_id, taking in found.items()
    ]
    return candidates, {candidate.crew_id: 1 for candidate in candidates}


async def _chosen(
    planner: Planner, candidates: Sequence[Candidate], capacity: Mapping[str, int]
) -> dict[UUID, UUID]:
    """Order -> the crew that it is to be sent to."""
    if not candidates:
        return {}
    found = await planner.solver.choose(candidates, capacity)
    return {UUID(order_id): UUID(crew_id) for order_id, crew_id in found.items()}


async def _hand_over_held(planner: Planner, held: Sequence[Held], done: Committed) -> None:
    """Send held-up visits to others, in the order in which they were priced one after the other.

    Where one is not sent after all, those behind it were priced on a day that its crew does not
    have: they wait. All these go to the plan's crew if that has room by now.
    """
    offers = await offers_of(planner, held)
    chosen = await _chosen(planner, *other_choices(offers))
    if not chosen:
        return
    takings = await asyncio.to_thread(agreed, offers, chosen)
    other_day: set[UUID] = set()
    for order_id, taking in takings.items():
        giver = offers[order_id].held.visit.crew_id
        if giver in other_day:
            continue
        if not await _hand_over(planner, offers[order_id], taking, done):
            other_day.add(giver)
    left = [offers[each].held.visit for each in chosen if each not in done.sent]
    for visit in sorted(left, key=lambda each: (each.start_at, each.order_id)):
        await _send(planner, visit, done)


async def _hand_over(planner: Planner, offer: Offer, taking: Taking, done: Committed) -> bool:
    """Whether it was sent to the crew that takes it."""
    visit, crew_id = offer.held.visit, offer.crew_id(taking)
    try:
        sent = await hand_over(planner, offer.takers.setting, offer.held, taking, offer.asked)
    except (Problem, DBAPIError, StaleDataError) as refusal:
        log.warning("visit of %s was not handed over to %s: %s", visit.order_id, crew_id, refusal)
        done.refused.append(_refusal(visit.order_id, crew_id, refusal))
        return False
    if sent:
        done.sent[visit.order_id] = crew_id
        done.handed_over[visit.order_id] = {
            "from_crew_id": str(visit.crew_id),
            "saved_s": taking.saved_s,
            "terms_s": saved_terms(taking),
        }
    return sent


async def _send(planner: Planner, due: Due, done: Committed) -> None:
    """Transition 4, if the visit still stands; a refusal is reported, and planned around."""
    order_id, crew_id = due.order_id, due.crew_id
    try:
        async with planner.database.transaction() as session:
            order = await work_orders.locked_any(session, order_id)
            planned = await commit_rows.planned(session, order_id)
            if State(order.state) not in AWAITING_DISPATCH or planned is None:
                return
            if planned.crew_id != crew_id:
                return
            if not await may_get(session, order, crew_id):
                return
            await assignments.assign(session, order, crew_id, Act.by_planner(), how="auto")
            await reason_rows.await_reason(session, order, crew_id, planned.run_id)
            if due.home_id != order.station_id:
                await repository.raise_dirty(session, due.home_id)
        done.sent[order_id] = crew_id
    except (Problem, DBAPIError) as refusal:
        log.warning("visit of %s by %s was not sent: %s", order_id, crew_id, refusal)
        done.refused.append(_refusal(order_id, crew_id, refusal))
        if isinstance(refusal, Problem):
            await _drop(planner, order_id)


def _refusal(order_id: UUID, crew_id: UUID, refusal: Exception) -> dict[str, Any]:
    known = refusal if isinstance(refusal, Problem) else None
    return {
        "order_id": str(order_id),
        "crew_id": str(crew_id),
        "type": known.type if known else "busy",
        "detail": (known.detail or known.title.en) if known else "the database was busy",
    }


async def _drop(planner: Planner, order_id: UUID) -> None:
    """Take a visit that cannot be sent out of the plan, and ask for a new one."""
    async with planner.database.transaction() as session:
        order = await work_orders.locked_any(session, order_id)
        if State(order.state) in AWAITING_DISPATCH:
            await repository.forget(session, order_id)
            await repository.raise_dirty(session, order.station_id)
