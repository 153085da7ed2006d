"""Sends what is due: a planned visit becomes a dispatch (DOMAIN section 7).

Who goes now is one assignment problem (OR-Tools, `dispatch.choose_commits`). As long as crews keep
to their day each due visit has one candidate, the plan's crew. Where that crew is held up, free
crews near by are candidates too, each at its price.
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
from app.planning.held_up import EMPTY, held_up, is_free
from app.planning.offers import NOBODY, Offer, Offers, agreed, offers_of
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
    order, or with two ahead, gets no other, danger excepted: the rest stays planned, unless its
    crew is held up and another one saves more than the price of the move.
    """
    now = clock.now()
    due_before = now + timedelta(seconds=settings.current().commit_horizon_s)
    async with planner.database.transaction() as session:
        stations = await organisation.subtree(session, station_id)
        due = await commit_rows.due_visits(session, stations, due_before)
        hands = await commit_rows.hands_of(session, {visit.crew_id for visit in due})
    offers = await offers_of(planner, held_up(due, hands, now))
    candidates, capacity = open_choices(due, hands, now, offers)
    done = Committed()
    if not candidates:
        return done
    chosen = await planner.solver.choose(candidates, capacity)
    await _send_all(planner, due, {UUID(o): UUID(c) for o, c in chosen.items()}, offers, done)
    return done


def open_choices(
    due: Collection[Due], hands: Mapping[UUID, Hands], at: datetime, offers: Offers = NOBODY
) -> tuple[list[Candidate], dict[str, int]]:
    """Candidates and capacity per crew: the plan's crews that are free, and who else would save.

    With the plan's crew a visit costs what is left until its start, so that a crew gets its day in
    order; with another one less, by what that saves.
    """
    urgent = {visit.order_id for visit in due if visit.service_class == policy.DANGER}
    dangers = Counter(visit.crew_id for visit in due if visit.order_id in urgent)
    free = {visit.crew_id: int(is_free(hands.get(visit.crew_id, EMPTY))) for visit in due}
    saved = {order: offer.worth_it for order, offer in offers.items()}
    most = max((each.saved_s for found in saved.values() for each in found.values()), default=0)
    pairs = [
        (visit, visit.crew_id, most + max(0, int((visit.start_at - at).total_seconds())))
        for visit in due
        if visit.order_id in urgent or free[visit.crew_id]
    ]
    pairs += [
        (visit, crew_id, most - taking.saved_s)
        for visit in due
        for crew_id, taking in saved.get(visit.order_id, {}).items()
    ]
    candidates = [
        Candidate(
            order_id=str(visit.order_id),
            crew_id=str(crew_id),
            cost_s=cost_s + visit.position,
            urgent=visit.order_id in urgent,
        )
        for visit, crew_id, cost_s in pairs
    ]
    capacity = {crew_id: max(count, dangers[crew_id]) for crew_id, count in free.items()}
    asked = {crew_id: 1 for found in saved.values() for crew_id in found}
    return candidates, {str(crew_id): count for crew_id, count in (asked | capacity).items()}


async def _send_all(
    planner: Planner,
    due: Sequence[Due],
    chosen: Mapping[UUID, UUID],
    offers: Offers,
    done: Committed,
) -> None:
    """Send what was chosen in order of its start; a hand-over that does not pay beside the others
    stays planned."""
    takings = await asyncio.to_thread(agreed, offers, chosen) if offers else {}
    for visit in due:
        taking = takings.get(visit.order_id)
        if taking is not None:
            await _hand_over(planner, offers[visit.order_id], taking, done)
        elif chosen.get(visit.order_id) == visit.crew_id:
            await _send(planner, visit, done)


async def _hand_over(planner: Planner, offer: Offer, taking: Taking, done: Committed) -> None:
    """Send it to the crew that takes it; whatever stands against that, the visit stays planned."""
    visit, crew_id = offer.held.visit, offer.crew_id(taking)
    try:
        sent = await hand_over(planner, offer.takers.setting, offer.held, taking, offer.asked)
    except (Problem, DBAPIError, StaleDataError) as refusal:
        log.warning("visit of %s was not handed over to %s: %s", visit.order_id, crew_id, refusal)
        done.refused.append(_refusal(visit.order_id, crew_id, refusal))
        return
    if sent:
        done.sent[visit.order_id] = crew_id
        done.handed_over[visit.order_id] = {
            "from_crew_id": str(visit.crew_id),
            "saved_s": taking.saved_s,
            "terms_s": saved_terms(taking),
        }


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
