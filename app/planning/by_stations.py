"""A subtree that is too large for one problem: every station, then neighbours in pairs.

`dispatch.City` says who is planned with whom and for how long, so that travel times are only asked
between the places of two stations. The search rests on one snapshot. Stations go on being planned
beside it, so what it found is carried over to a fresh snapshot, and that one's plan is published,
all at once. Crews of stations outside the subtree are not lent here: every border inside is planned
anyway.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dispatch
from app.core import clock
from app.planning import policy, snapshot_rows
from app.planning.build import Layout, chains, problem_of, warm_start
from app.planning.context import Planner
from app.planning.errors import PlanRefused
from app.planning.lending import foreign
from app.planning.load import load
from app.planning.merge import Merged, unheard_of, with_inserted
from app.planning.models import PlanningRun
from app.planning.outcome import Outcome, churn_of, idle_shown, outcome
from app.planning.roads import Roads, roads_between, sources_of
from app.planning.size import demand_plannable
from app.planning.snapshot import Job, Snapshot
from app.planning.what_if import weights
from dispatch.regions import Group
from routing import LegCount

log = logging.getLogger(__name__)
Part = tuple[Snapshot, Layout, Roads, dispatch.Plan]
Sequences = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Searched:
    """What is found for a subtree and not told yet."""

    whole: Snapshot
    regions: Sequence[dispatch.Region]
    city: dispatch.City
    gained: Mapping[str, int]
    """What each part of the search gained, and the number of steps."""
    new: tuple[Job, ...] = ()
    """Orders that came while it searched."""

    @classmethod
    def of(cls, snapshot: Snapshot, standing: Sequences, **more: Any) -> "Searched":
        """To begin with these sequences; raises PlanTooLarge when a single station is too large."""
        regions = _regions(snapshot)
        demand_plannable((len(region.orders), len(region.crews)) for region in regions)
        return cls(snapshot, regions, dispatch.City(regions, standing), **more)


async def search_by_stations(planner: Planner, run: PlanningRun, snapshot: Snapshot) -> Searched:
    """Who does what in the whole subtree.

    Raises PlanTooLarge when a single station is too large, PlanRefused when a plan breaks a rule.
    """
    whole = _without_lent(snapshot)
    found = Searched.of(whole, warm_start(whole), gained={})
    borders = await _borders(planner, whole)
    seconds = max(run.budget_s, policy.STATION_BUDGET_S * len(found.regions))
    gained: Counter[str] = Counter()
    for step in found.city.steps(borders, seconds, most=(policy.MOST_ORDERS, policy.MOST_CREWS)):
        group = found.city.group(step.regions)
        plan = await _step(planner, run, whole, group, step.seconds)
        found.city.take(plan.sequences)
        gained.update({**plan.parts, "steps": 1})
    return replace(found, gained=dict(gained))


async def tell_by_stations(
    planner: Planner, run: PlanningRun, found: Searched
) -> tuple[Snapshot, Outcome]:
    """The plan to publish, and the snapshot that it is of: a fresh one, unless it only answers.

    Whatever goes wrong in carrying it over costs nothing but that: the plan is then told as it was
    found. Raises PlanRefused when a plan breaks a rule.
    """
    if not run.publish:
        return found.whole, await _all_told(planner, run, found)
    new: tuple[Job, ...] = ()
    try:
        afresh = await _afresh(planner, run, found)
        new = afresh.new
        return afresh.whole, await _all_told(planner, run, afresh)
    except Exception:
        log.exception("ALERT run %s is told as of %s: nothing merged", run.id, found.whole.at)
        return found.whole, await _all_told(planner, run, replace(found, new=new))


async def _afresh(planner: Planner, run: PlanningRun, found: Searched) -> Searched:
    """What was found, among the orders and crews of now."""
    async with planner.database.transaction() as session:
        snapshot = await load(session, run.station_id, clock.now(), run.horizon_s)
    whole = _without_lent(snapshot)
    standing = _carried_over(found.city.sequences, whole)
    new = unheard_of(found.whole, whole)
    return Searched.of(whole, standing, gained=found.gained, new=new)


def _carried_over(sequences: Sequences, fresh: Snapshot) -> Sequences:
    """What each crew holds by now, then what was found for it and that it still may have.

    A crew that the search did not know keeps its day in force, as far as nobody else has it.
    """
    jobs = {job.serial: job for job in fresh.jobs}
    codes = {crew.code for crew in fresh.crews}
    known = {crew: names for crew, names in sequences.items() if crew in codes}
    taken = {name for names in known.values() for name in names}
    away = {each.job.serial: each.crew_code for each in fresh.elsewhere}

    def may_have(crew: str, name: str) -> bool:
        job = jobs.get(name)
        if job is None:
            return away.get(name) == crew
        return job.pinned_crew in (None, crew) and crew not in job.forbidden_crews

    carried = {}
    for crew, standing in warm_start(fresh).items():
        waits = [name for name in standing if name in jobs or name in away]
        held = [name for name in standing if name not in waits]
        names = known.get(crew, [name for name in waits if name not in taken])
        carried[crew] = [*held, *(name for name in names if may_have(crew, name))]
    return carried


async def _all_told(planner: Planner, run: PlanningRun, found: Searched) -> Outcome:
    """Every station told; what a neighbour's crew has no time for any more goes home first."""
    told: dict[str, Part] = {}
    todo: Iterable[str] = [region.id for region in found.regions]
    for _ in ("all", "those with an order that went home"):
        for each in todo:
            told[each] = await _told(planner, run, found.whole, found.city.group((each,)), each)
            found.city.take(told[each][3].sequences)
        todo = _went_home(told)
    parts = list(told.values())
    joined = _joined(
        found.whole,
        [outcome(run.id, *part) for part in parts],
        [part[2] for part in parts],
        found.gained,
    )
    crew_of = {name: crew for part in parts for name, crew in part[3].crew_of.items()}
    merged = Merged.of(found.new, crew_of).shown()
    return replace(joined, result=joined.result | {"merged": merged})


def _went_home(told: Mapping[str, Part]) -> list[str]:
    """Stations whose plan leaves out another's order, and those that these orders are of."""
    homes = {
        name
        for station, (part, _, _, plan) in told.items()
        for job in part.jobs
        if job.serial in plan.unassigned and str(job.station_id) != station
        for name in (station, str(job.station_id))
    }
    return sorted(homes)


def _without_lent(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, crews=tuple(crew for crew in snapshot.crews if not crew.lent))


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
    plan = await asyncio.to_thread(_completed, problem, group.warm_start)
    _demand_sound(run, problem, plan)
    return replace(part, beyond=later), layout, roads, plan


def _completed(problem: dispatch.Problem, sequences: Sequences) -> dispatch.Plan:
    """The sequences timed, and what they lack put in where it fits."""
    plan = dispatch.replan(problem, sequences)
    return with_inserted(problem, plan, plan.unassigned) or plan


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
    whole: Snapshot, found: Sequence[Outcome], roads: Sequence[Roads], gained: Mapping[str, int]
) -> Outcome:
    """The stations' plans as one."""
    results = [each.result for each in found]
    visits = {order: visit for each in found for order, visit in each.visits.items()}
    result: dict[str, Any] = {
        "planned_at": whole.at.isoformat(),
        "routes": [route for each in results for route in each["routes"]],
        "price": _summed(each["price"] for each in results),
        "total": sum(each["total"] for each in results),
        "parts": dict(gained),
        "unassigned": [order for each in results for order in each["unassigned"]],
        "idle_crews": idle_shown(whole),
        "routing": sources_of(roads, sum((each.driven for each in found), LegCount())),
        "churn": churn_of(whole, visits),
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
