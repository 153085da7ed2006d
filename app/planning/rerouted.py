"""Writes the routes that one insertion changes into the plan in force, without a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

import dispatch
from app.planning import repository
from app.planning.build import Layout
from app.planning.roads import Roads
from app.planning.snapshot import Job, Snapshot


@dataclass(frozen=True, slots=True)
class Setting:
    """What a proposal was found on."""

    snapshot: Snapshot
    layout: Layout
    roads: Roads
    problem: dispatch.Problem


def touched(setting: Setting, routes: Sequence[dispatch.Route], *names: str) -> dict[str, Job]:
    """Serial -> job of these orders, and of all whose visits are written anew with the routes."""
    wanted = {visit.order_id for route in routes for visit in route.visits} | set(names)
    jobs = [*setting.snapshot.jobs, *(each.job for each in setting.snapshot.elsewhere)]
    return {job.serial: job for job in jobs if job.serial in wanted}


def homes(setting: Setting, routes: Sequence[dispatch.Route]) -> set[UUID]:
    """Own stations of the crews that drive these routes."""
    codes = {route.crew_id for route in routes}
    return {crew.station_id for crew in setting.snapshot.crews if crew.code in codes}


def stations(
    setting: Setting, routes: Sequence[dispatch.Route], written: Mapping[str, Job]
) -> set[UUID]:
    """Whose plans may replace the visits that are written: those of the orders and the crews."""
    return homes(setting, routes) | {job.station_id for job in written.values()}


async def reroute(session: AsyncSession, setting: Setting, proposal: dispatch.Proposal) -> None:
    """Give the planned visits of the changed routes their new crew, place in the day and times.

    A visit that a newer plan has moved meanwhile stays as that plan has it.
    """
    came_from = {}
    if proposal.ejected is not None:
        came_from[proposal.ejected.order_id] = proposal.ejected.from_crew
    await rewrite(session, setting, proposal.routes, came_from)


async def rewrite(
    session: AsyncSession,
    setting: Setting,
    routes: Iterable[dispatch.Route],
    came_from: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write these routes into the plan in force; `came_from` names the crews that orders left."""
    order_ids = _order_ids(setting.snapshot)
    visits = [
        _moved(order_id, setting, route, position, came_from)
        for route in routes
        for position, visit in enumerate(route.visits)
        if (order_id := order_ids.get(visit.order_id)) is not None
    ]
    await repository.move_visits(session, visits)


def _order_ids(snapshot: Snapshot) -> Mapping[str, UUID]:
    found = {job.serial: job.id for job in snapshot.jobs}
    return found | {each.job.serial: each.job.id for each in snapshot.elsewhere}


def _moved(
    order_id: UUID,
    setting: Setting,
    route: dispatch.Route,
    position: int,
    came_from: Mapping[str, str],
) -> repository.Moved:
    visit, at, crew_ids = route.visits[position], setting.snapshot.at, setting.snapshot.crew_ids
    return repository.Moved(
        order_id=order_id,
        from_crew_id=crew_ids[came_from.get(visit.order_id, route.crew_id)],
        crew_id=crew_ids[route.crew_id],
        position=position,
        arrive_at=at + timedelta(seconds=visit.arrival_s),
        start_at=at + timedelta(seconds=visit.start_s),
        finish_at=at + timedelta(seconds=visit.finish_s),
        travel_s=visit.travel_s,
        travel_source=setting.roads.source_of(_leg(setting.problem, route, position)),
    )


def _leg(problem: dispatch.Problem, route: dispatch.Route, position: int) -> tuple[int, int]:
    """Rows of the drive to this stop in the travel matrix."""
    orders = problem.order_by_id
    there = orders[route.visits[position].order_id].place
    if position == 0:
        return problem.crew_by_id[route.crew_id].ready_place, there
    return orders[route.visits[position - 1].order_id].place, there
