"""A finished plan in the words of the database and the API: visits, reasons, the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dispatch
from app.planning.build import Layout, elsewhere, held_id, standing
from app.planning.models import PlannedVisit, PlanningProblem, UnplannedOrder
from app.planning.roads import Roads
from app.planning.snapshot import CrewNow, Job, Snapshot

Leg = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan says of the waiting orders, ready to be published."""

    visits: Mapping[UUID, PlannedVisit]
    unplanned: Mapping[UUID, UnplannedOrder]
    result: dict[str, Any]
    served: set[str] = field(default_factory=set)
    """Every order of the problem that has a visit, another station's too."""
    problem: PlanningProblem | None = None
    """What is kept for questions; None when it is too large."""


def outcome(
    run_id: UUID, snapshot: Snapshot, layout: Layout, roads: Roads, plan: dispatch.Plan
) -> Outcome:
    """Read the plan back into ids and instants."""
    jobs = {job.serial: job for job in snapshot.jobs}
    crews = {crew.code: crew for crew in snapshot.crews}
    visits: dict[UUID, PlannedVisit] = {}
    routes: list[dict[str, Any]] = []
    legs: list[Leg] = []
    for route in plan.routes:
        crew = crews[route.crew_id]
        shown, driven = _route(snapshot, layout, roads, crew, route, jobs)
        routes.append(shown)
        legs += driven
        for position, visit in enumerate(shown["visits"]):
            if not visit["locked"] and not visit["elsewhere"]:
                planned = _planned(run_id, crew.id, position, visit, snapshot.at, route)
                visits[planned.order_id] = planned
    unplanned = _unplanned(run_id, snapshot, plan, jobs)
    return Outcome(
        visits=visits,
        unplanned=unplanned,
        served=set(plan.crew_of),
        result={
            "planned_at": snapshot.at.isoformat(),
            "routes": routes,
            "price": dict(plan.price),
            "total": plan.total,
            "parts": dict(plan.parts),
            "unassigned": [
                {
                    "order_id": str(job.id),
                    "serial": job.serial,
                    "reasons": unplanned[job.id].reasons,
                }
                for job in (*snapshot.jobs, *snapshot.beyond)
                if job.id in unplanned
            ],
            "idle_crews": [
                {"crew_id": str(crew.id), "crew_code": crew.code, "why": crew.why}
                for crew in snapshot.idle_crews
            ],
            "routing": _sources(roads, legs),
            "churn": _churn(snapshot, visits),
        },
    )


def _route(
    snapshot: Snapshot,
    layout: Layout,
    roads: Roads,
    crew: CrewNow,
    route: dispatch.Route,
    jobs: Mapping[str, Job],
) -> tuple[dict[str, Any], list[Leg]]:
    now = standing(crew, snapshot.at)
    away = {each.job.serial: each.job for each in elsewhere(snapshot, crew)}
    held = {held_id(each, crew): each.job for each in now.ahead}
    here, legs, visits = layout.row[now.place], [], []
    for visit in route.visits:
        job = held.get(visit.order_id) or away.get(visit.order_id) or jobs[visit.order_id]
        leg = (here, layout.row[job.place])
        here = leg[1]
        legs.append(leg)
        visits.append(
            {
                "order_id": str(job.id),
                "serial": job.serial,
                "locked": visit.order_id in held,
                "elsewhere": visit.order_id in away,
                "arrive_at": _instant(snapshot.at, visit.arrival_s),
                "start_at": _instant(snapshot.at, visit.start_s),
                "finish_at": _instant(snapshot.at, visit.finish_s),
                "travel_s": visit.travel_s,
                "wait_s": visit.wait_s,
                "late_s": visit.late_s,
                "travel_source": roads.source_of(leg),
            }
        )
    shown = {
        "crew_id": str(crew.id),
        "crew_code": crew.code,
        "lent": crew.lent,
        "free_at": _instant(snapshot.at, now.free_in_s),
        "end_at": _instant(snapshot.at, route.end_s),
        "travel_s": route.travel_s,
        "load_s": route.load_s,
        "overtime_s": route.overtime_s,
        "breaks": [
            {
                "start_at": _instant(snapshot.at, rest.start_s),
                "finish_at": _instant(snapshot.at, rest.finish_s),
            }
            for rest in route.breaks
        ],
        "visits": visits,
    }
    return shown, legs


def _instant(at: datetime, after_s: int) -> str:
    return (at + timedelta(seconds=after_s)).isoformat()


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


def _unplanned(
    run_id: UUID, snapshot: Snapshot, plan: dispatch.Plan, jobs: Mapping[str, Job]
) -> dict[UUID, UnplannedOrder]:
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


def _sources(roads: Roads, legs: list[Leg]) -> dict[str, Any]:
    driven = roads.count(legs)
    return {
        "graph_version": roads.matrix.graph_version,
        "hour_bucket": roads.matrix.hour_bucket.value,
        "legs": {
            "osrm": driven.osrm,
            "estimate": driven.estimate,
            "unreachable": driven.unreachable,
        },
        "leg_shares": driven.shares(),
        "cell_shares": roads.matrix.count_legs().shares(),
    }


def _churn(snapshot: Snapshot, visits: Mapping[UUID, PlannedVisit]) -> dict[str, Any]:
    """Orders whose crew differs from the plan in force, of those that it had planned."""
    before = [job.id for job in snapshot.jobs if job.id in snapshot.published]
    ids = snapshot.crew_ids
    moved = [
        order_id
        for order_id in before
        if order_id not in visits
        or visits[order_id].crew_id != ids.get(snapshot.published[order_id].crew_code)
    ]
    return {
        "compared": len(before),
        "moved": len(moved),
        "per_order": round(len(moved) / len(before), 4) if before else 0.0,
    }
