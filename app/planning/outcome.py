"""A finished plan in the words of the database and the API: visits, reasons, the result."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dispatch
from app.planning.build import Layout
from app.planning.models import PlannedVisit, PlanningProblem, UnplannedOrder
from app.planning.roads import Roads, sources_of
from app.planning.shown import route_shown
from app.planning.snapshot import Job, Snapshot
from routing import LegCount


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan says of the waiting orders, ready to be published."""

    visits: Mapping[UUID, PlannedVisit]
    unplanned: Mapping[UUID, UnplannedOrder]
    result: dict[str, Any]
    served: set[str] = field(default_factory=set)
    """Every order of the problem that has a visit, another station's too."""
    driven: LegCount = field(default_factory=LegCount)
    """Legs of the routes, by who computed them."""
    problem: PlanningProblem | None = None
    """What is kept for questions; None when it is too large."""


def outcome(
    run_id: UUID, snapshot: Snapshot, layout: Layout, roads: Roads, plan: dispatch.Plan
) -> Outcome:
    """Read the plan back into ids and instants."""
    crews = {crew.code: crew for crew in snapshot.crews}
    shown = [route_shown(snapshot, layout, roads, crews[r.crew_id], r) for r in plan.routes]
    legs = [leg for _, way in shown for leg in way]
    routes = [route for route, _ in shown]
    visits = {
        visit.order_id: visit
        for route, told in zip(plan.routes, routes, strict=True)
        for visit in _visits(run_id, crews[route.crew_id].id, route, told, snapshot.at)
    }
    unplanned = _unplanned(run_id, snapshot, plan)
    driven = roads.count(legs)
    return Outcome(
        visits=visits,
        unplanned=unplanned,
        served=set(plan.crew_of),
        driven=driven,
        result={
            "planned_at": snapshot.at.isoformat(),
            "routes": routes,
            "price": dict(plan.price),
            "total": plan.total,
            "parts": dict(plan.parts),
            "unassigned": _unassigned(snapshot, unplanned),
            "idle_crews": idle_shown(snapshot),
            "routing": sources_of([roads], driven),
            "churn": churn_of(snapshot, visits),
        },
    )


def idle_shown(snapshot: Snapshot) -> list[dict[str, str]]:
    """Crews that take no part in the plan."""
    return [
        {"crew_id": str(crew.id), "crew_code": crew.code, "why": crew.why}
        for crew in snapshot.idle_crews
    ]


def _unassigned(
    snapshot: Snapshot, unplanned: Mapping[UUID, UnplannedOrder]
) -> list[dict[str, Any]]:
    return [
        {"order_id": str(job.id), "serial": job.serial, "reasons": unplanned[job.id].reasons}
        for job in (*snapshot.jobs, *snapshot.beyond)
        if job.id in unplanned
    ]


def _visits(
    run_id: UUID, crew_id: UUID, route: dispatch.Route, told: Mapping[str, Any], at: datetime
) -> Iterator[PlannedVisit]:
    """What this plan decides: neither what the crew has already, nor another plan's orders."""
    for position, visit in enumerate(told["visits"]):
        if not visit["locked"] and not visit["elsewhere"]:
            yield _planned(run_id, crew_id, position, visit, at, route)


def _planned(
    run_id: UUID,
    crew_id: UUID,
    position: int,
    shown: Mapping[str, Any],
    at: datetime,
    route: dispatch.Route,
) -> PlannedVisit:
    visit = route.visits[position]
    return PlannedVisit(
        order_id=UUID(shown["order_id"]),
        crew_id=crew_id,
        run_id=run_id,
        position=position,
        arrive_at=at + timedelta(seconds=visit.arrival_s),
        start_at=at + timedelta(seconds=visit.start_s),
        finish_at=at + timedelta(seconds=visit.finish_s),
        travel_s=visit.travel_s,
        travel_source=shown["travel_source"],
    )


def _unplanned(run_id: UUID, snapshot: Snapshot, plan: dispatch.Plan) -> dict[UUID, UnplannedOrder]:
    jobs = {job.serial: job for job in snapshot.jobs}
    found = {
        jobs[serial].id: [told(each) for each in reasons]
        for serial, reasons in plan.unassigned.items()
        if serial in jobs
    }
    found |= {job.id: [_beyond(job)] for job in snapshot.beyond}
    return {
        order_id: UnplannedOrder(order_id=order_id, run_id=run_id, reasons=reasons)
        for order_id, reasons in found.items()
    }


def told(reason: dispatch.Reason) -> dict[str, Any]:
    """A coded reason as the database and the wire carry it."""
    return {
        "code": reason.code,
        "detail": dict(reason.detail),
        "zh": reason.zh,
        "en": reason.en,
    }


def _beyond(job: Job) -> dict[str, Any]:
    assert job.window is not None
    opens = job.window[0].isoformat()
    return {
        "code": "beyond_horizon",
        "detail": {"opens_at": opens},
        "zh": "预约时段尚早，不在本次排程范围内。",
        "en": "The agreed slot lies beyond the horizon of this plan.",
    }


def churn_of(snapshot: Snapshot, visits: Mapping[UUID, PlannedVisit]) -> dict[str, Any]:
    """Orders that went to another crew, or lost their visit, of those that the plan in force had.

    One of a crew that is not there any more moved, too.
    """
    ids = snapshot.crew_ids
    before = [job.id for job in snapshot.jobs if job.id in snapshot.published]
    kept = [order_id for order_id in before if order_id in visits]
    had = {each: snapshot.published[each].crew_code for each in kept}
    moved = [code for each, code in had.items() if visits[each].crew_id != ids.get(code)]
    return {
        "compared": len(before),
        "moved": len(moved),
        "dropped": len(before) - len(kept),
        "per_order": round(len(moved) / len(before), 4) if before else 0.0,
        "lost": dict(Counter(code for code in moved if code in ids)),
    }
