"""Appointment slots for a caller on the line, ranked by what they cost the plan in force."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from geoalchemy2.shape import to_shape
from sqlmodel.ext.asyncio.session import AsyncSession

import dispatch
from app.catalogue import service as catalogue
from app.core import clock, settings
from app.core.db import Database
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal
from app.customers import service as customers
from app.organisation import service as organisation
from app.organisation.errors import PlaceOutsideArea
from app.planning import policy
from app.planning.build import Layout, chains, order_of, problem_of, seconds, warm_start
from app.planning.coming import Ahead, with_coming_shifts
from app.planning.earnings import expected_at, income_of
from app.planning.engine import OpenEngine
from app.planning.errors import DangerTakesNoSlot, NoSlotToPrice
from app.planning.lending import foreign
from app.planning.load import load
from app.planning.outcome import told
from app.planning.ready import fill, ready
from app.planning.roads import Roads, roads_between
from app.planning.snapshot import Facts, Job
from app.work_orders.service import check_slot
from routing import Place

Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where and what, and which windows: `windows`, or the usual slots of the days."""

    fault_code: str
    premises_id: UUID | None = None
    place: tuple[float, float] | None = None
    """WGS-84 (lon, lat), when the premises are not in the register."""
    first: date | None = None
    last: date | None = None
    windows: Sequence[Window] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """The slots of one question, the cheapest first, and what they were priced on."""

    station_id: UUID
    at: datetime
    graph_version: str
    slots: list[dict[str, Any]]


async def offered(
    database: Database, engine: OpenEngine, principal: Principal, question: Question
) -> Offer:
    """Price each window against the plan of the place's station; nothing is reserved.

    No transaction is open while roads are asked. Raises NotFound outside the scope,
    PlaceOutsideArea, UnknownFaultCode, AppointmentInvalid, DangerTakesNoSlot, NoSlotToPrice.
    """
    at = clock.now()
    windows = _windows(question, at)
    async with database.transaction() as session:
        job, station_id = await _job(session, principal, question)
    until = max(window[1] for window in windows)
    async with database.transaction() as session:
        snapshot = await load(session, station_id, at, int((until - at).total_seconds()))
        ahead = await with_coming_shifts(session, snapshot, snapshot.dirty_seqs, until)
    layout = Layout.of(ahead.snapshot, job.place)
    roads = await roads_between(
        await engine(), layout.places, chains(ahead.snapshot, layout), snapshot.at
    )
    slots = await asyncio.to_thread(_priced, ahead, layout, roads, job, windows)
    return Offer(station_id, at, roads.matrix.graph_version, slots)


def _windows(question: Question, at: datetime) -> list[Window]:
    latest = at + timedelta(days=policy.SLOT_LEAD_DAYS + 1)
    if question.windows:
        for window in question.windows:
            check_slot(*window)
        found = [(max(opens, at), closes) for opens, closes in question.windows]
    else:
        zone = settings.current().zone
        first = max(question.first or at.astimezone(zone).date(), at.astimezone(zone).date())
        last = question.last or first + timedelta(days=policy.SLOT_DAYS - 1)
        last = min(last, latest.astimezone(zone).date())
        found = policy.usual_slots(first, last, at, zone)[: policy.MOST_SLOTS]
    if not found or any(closes > latest for _, closes in found):
        raise NoSlotToPrice()
    return found


async def _job(session: AsyncSession, principal: Principal, question: Question) -> tuple[Job, UUID]:
    """The order that would be taken, and the station whose it would be."""
    fault = await catalogue.fault(session, question.fault_code)
    if fault.service_class in (await catalogue.policy(session)).rules.rebooking.never:
        raise DangerTakesNoSlot()
    building, vulnerable, zone = None, False, None
    if question.premises_id is not None:
        found = await customers.premises(session, question.premises_id)
        station_id = found.building.station_id
        if not principal.covers(Permission.ORDERS_CREATE, station_id):
            raise NotFound()
        building, vulnerable = str(found.building.id), "vulnerable" in found.flags
        zone = found.building.zone
        spot = to_shape(found.building.location)
        lon, lat = spot.x, spot.y
    else:
        assert question.place is not None
        lon, lat = question.place
        station_id = (await organisation.responsible_station(session, lon, lat)).id
        if not principal.covers(Permission.ORDERS_CREATE, station_id):
            raise PlaceOutsideArea("the place lies in the area of a station outside your scope")
    facts = Facts("NEW", None, False, None, None, None, fault.service_class, fault.id)
    job = Job(
        id=uuid4(),
        serial="?",
        station_id=station_id,
        facts=facts,
        place=Place(lon, lat),
        building=building,
        service_s=fault.service_minutes * 60,
        skills=tuple((need["skill"], need["count"]) for need in fault.skills),
        crew_size=fault.crew_size,
        reported_at=clock.now(),
        arrive_by=None,  # the slot that the caller chooses is the limit
        window=None,
        vulnerable=vulnerable,
        income=income_of(
            await expected_at(session, clock.now()),
            fault.code,
            fault.points,
            fault.crew_size,
            zone,
        ),
    )
    return job, station_id


def _priced(
    ahead: Ahead, layout: Layout, roads: Roads, job: Job, windows: Sequence[Window]
) -> list[dict[str, Any]]:
    at, snapshot = ahead.snapshot.at, ahead.snapshot
    problem = problem_of(snapshot, layout, roads)
    published = warm_start(snapshot)
    insertions = ready(problem, published)
    planned = {visit.order_id for route in insertions.routes for visit in route.visits}
    fill(insertions, [order for order in problem.orders if order.id not in planned])
    beyond = frozenset(
        crew.code
        for crew in snapshot.crews
        if foreign(snapshot.units, job.station_id, crew.station_id)
    )
    order = order_of(job, at, layout)  # in its slot it waits for nobody
    order = replace(order, emergency=False, forbidden_crews=beyond, waiting_per_mille=0)
    candidates = [(seconds(at, opens), seconds(at, closes)) for opens, closes in windows]
    found = dispatch.offer(insertions, order, candidates)
    return [_shown(slot, ahead) for slot in found]


def _shown(slot: dispatch.Slot, ahead: Ahead) -> dict[str, Any]:
    at = ahead.snapshot.at
    fits = slot.crew_id is not None and slot.start_s is not None
    return {
        "starts_at": at + timedelta(seconds=slot.earliest_s),
        "ends_at": at + timedelta(seconds=slot.latest_s),
        "fits": fits,
        "added_minutes": round((slot.added or 0) / 60, 1) if fits else None,
        "terms_s": {term: value for term, value in slot.terms.items() if value},
        "crew_code": ahead.code_of[slot.crew_id] if slot.crew_id else None,
        "start_at": at + timedelta(seconds=slot.start_s) if slot.start_s is not None else None,
        "others_later": len(slot.later),
        "reasons": [told(slot.reason)] if slot.reason else [],
    }
