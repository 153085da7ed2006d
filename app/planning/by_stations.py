"""A subtree that is too large for one problem: every station, then neighbours in pairs.

`dispatch.City` says who is planned with whom and for how long, so that travel times are only asked
between the places of two stations. All of it rests on one snapshot and is published at once.
Crews of stations outside the subtree are not lent here: every border inside is planned anyway.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import dispatch
from app.planning import policy, snapshot_rows
from app.planning.build import Layout, chains, problem_of, warm_start
from app.planning.context import Planner
from app.planning.errors import PlanRefused
from app.planning.lending import foreign
from app.planning.merge import Merged
from app.planning.models import PlanningRun
from app.planning.outcome import Outcome, churn_of, idle_shown, outcome
from app.planning.roads import Roads, roads_between, sources_of
from app.planning.size import demand_plannable
from app.planning.snapshot import Snapshot
from app.planning.what_if import weights
from dispatch.regions import Group
from routing import LegCount

log = logging.getLogger(__name__)
Part = tuple[Snapshot, Layout, Roads, dispatch.Plan]


async def plan_by_stations(
    planner: Planner, run: PlanningRun, snapshot: Snapshot
) -> tuple[Snapshot, Outcome]:
    """The plan of the whole subtree, and the snapshot that it is of.

    Raises PlanTooLarge when a single station is too large, PlanRefused when a plan breaks a rule.
    """
    whole = replace(snapshot, crews=tuple(crew for crew in snapshot.crews if not crew.lent))
    regions = _regions(whole)
    demand_plannable((len(region.orders), len(region.crews)) for region in regions)
    city = dispatch.City(regions, warm_start(whole))
    borders = await _borders(planner, whole)
    seconds = max(run.budget_s, policy.STATION_BUDGET_S * len(regions))
    gained: Counter[str] = Counter()
    for step in city.steps(borders, seconds, most=(policy.MOST_ORDERS, policy.MOST_CREWS)):
        plan = await _step(planner, run, whole, city.group(step.regions), step.seconds)
        city.take(plan.sequences)
        gained.update({**plan.parts, "steps": 1})
    parts = [await _told(planner, run, whole, city.group((each.id,)), each.id) for each in regions]
    found = [outcome(run.id, *part) for part in parts]
    return whole, _joined(whole, found, [part[2] for part in parts], dict(gained))


def _regions(snapshot: Snapshot) -> list[dispatch.Region]:
    """Each station that has orders or crews."""
    stations = {job.station_id for job in (*snapshot.jobs, *snapshot.beyond)}
    return [
        dispatch.Region(
            id=str(station),
            orders=tuple(job.serial for job in snapshot.jobs if job.station_id == station),
            crews=tuple(crew.code for crew in snapshot.crews if crew.station_id == station),
        )
        for station in sorted(stations | {crew.station_id for crew in snapshot.crews})
    ]


async def _borders(planner: Planner, snapshot: Snapshot) -> list[tuple[str, str]]:
    """Stations that lie near each other, and between which crews may cross."""
    if not policy.LENDING:
        return []
    async with planner.database.transaction() as session:
        pairs = await snapshot_rows.borders(session, snapshot.dirty_seqs, policy.LENDING_REACH_M)
    known = {job.station_id for job in snapshot.jobs} | {c.station_id for c in snapshot.crews}
    return [
        (str(one), str(other))
        for one, other in pairs
        if {one, other} <= known and not foreign(snapshot.units, one, other)
    ]


async def _step(
    planner: Planner, run: PlanningRun, whole: Snapshot, group: Group, seconds: float
) -> dispatch.Plan:
    """One or two stations as one problem, searched and checked."""
    _, _, problem = await _asked(planner, run, _part(whole, group))
    plan = await planner.solver.solve(problem, seconds, group.warm_start)
    _demand_sound(run, problem, plan)
    return plan


async def _told(
    planner: Planner, run: PlanningRun, whole: Snapshot, group: Group, station: str
) -> Part:
    """What one station's crews do in the end, timed and with reasons."""
    part = _part(whole, group)
    later = tuple(job for job in whole.beyond if str(job.station_id) == station)
    layout, roads, problem = await _asked(planner, run, part)
    plan = await asyncio.to_thread(dispatch.replan, problem, group.warm_start)
    _demand_sound(run, problem, plan)
    return replace(part, beyond=later), layout, roads, plan


async def _asked(
    planner: Planner, run: PlanningRun, part: Snapshot
) -> tuple[Layout, Roads, dispatch.Problem]:
    layout = Layout.of(part)
    roads = await roads_between(planner.engine, layout.places, chains(part, layout), part.at)
    return layout, roads, problem_of(part, layout, roads, weights(run.changes))


def _part(whole: Snapshot, group: Group) -> Snapshot:
    """The snapshot of these orders and crews alone."""
    crews = set(group.crews)
    return replace(
        whole,
        jobs=tuple(job for job in whole.jobs if job.serial in group.orders),
        beyond=(),
        crews=tuple(crew for crew in whole.crews if crew.code in crews),
        idle_crews=(),
        elsewhere=tuple(each for each in whole.elsewhere if each.crew_code in crews),
    )


def _demand_sound(run: PlanningRun, problem: dispatch.Problem, plan: dispatch.Plan) -> None:
    if violations := dispatch.check(problem, plan):
        log.error("ALERT run %s broke its rules: %s", run.id, violations)
        raise PlanRefused([violation.code for violation in violations])


def _joined(
    whole: Snapshot, found: Sequence[Outcome], roads: Sequence[Roads], gained: dict[str, int]
) -> Outcome:
    """The stations' plans as one."""
    results = [each.result for each in found]
    visits = {order: visit for each in found for order, visit in each.visits.items()}
    result: dict[str, Any] = {
        "planned_at": whole.at.isoformat(),
        "routes": [route for each in results for route in each["routes"]],
        "price": _summed(each["price"] for each in results),
        "total": sum(each["total"] for each in results),
        "parts": gained,
        "unassigned": [order for each in results for order in each["unassigned"]],
        "idle_crews": idle_shown(whole),
        "routing": sources_of(roads, sum((each.driven for each in found), LegCount())),
        "churn": churn_of(whole, visits),
        "merged": Merged().shown(),
    }
    return Outcome(
        visits=visits,
        unplanned={order: row for each in found for order, row in each.unplanned.items()},
        result=result,
        served={name for each in found for name in each.served},
    )


def _summed(prices: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for price in prices:
        total.update(price)
    return dict(total)
