"""Turns a snapshot and travel times into the planner's integers, and names back into ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import dispatch
from app.planning import policy
from app.planning.lending import prices
from app.planning.roads import Roads
from app.planning.snapshot import CrewNow, Elsewhere, Held, Job, Snapshot
from routing import Place

ON_SITE = ("ONSITE", "WORKING")
_AHEAD = {"ENROUTE": 0, "ACCEPTED": 1, "SENT": 2}
OBJECTIVE = dispatch.Objective(
    income_spread_per_mille=policy.INCOME_SPREAD_PER_MILLE,
    move=policy.MOVE_S,
    most_moves=policy.MOST_MOVES,
)
"""What a plan costs here, unless a question supposes other weights."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Every distinct place of a snapshot, and its row in the travel matrix."""

    places: tuple[Place, ...]
    row: dict[Place, int]

    @classmethod
    def of(cls, snapshot: Snapshot, *more: Place) -> "Layout":
        found = [*(job.place for job in snapshot.jobs), *more]
        found += [each.job.place for each in snapshot.elsewhere]
        for crew in snapshot.crews:
            found += [crew.place, *(held.job.place for held in crew.held)]
        return cls._rows(found)

    @classmethod
    def _rows(cls, found: Iterable[Place]) -> "Layout":
        places = tuple(dict.fromkeys(found))
        return cls(places, {place: row for row, place in enumerate(places)})

    def with_places(self, more: Iterable[Place]) -> "Layout":
        """This one with the places that it lacks behind its own."""
        return self._rows([*self.places, *more])


@dataclass(frozen=True, slots=True)
class Standing:
    """Where started work leaves a crew: free in so many seconds, there, in that building."""

    free_in_s: int
    place: Place
    building: str | None
    ahead: tuple[Held, ...]
    """Orders in its hands that are not begun on site, in the order of the day."""


def standing(crew: CrewNow, at: datetime) -> Standing:
    """Started work as time and place; the rest in order: on the way, danger, then by age."""
    on_site = sorted(
        (held for held in crew.held if held.state in ON_SITE),
        key=lambda held: held.spell_at or held.assigned_at,
    )
    ahead = sorted((held for held in crew.held if held.state not in ON_SITE), key=_day_order)
    last = on_site[-1].job if on_site else None
    return Standing(
        free_in_s=sum(_remaining_s(held, at) for held in on_site),
        place=last.place if last else crew.place,
        building=last.building if last else None,
        ahead=tuple(ahead),
    )


def _day_order(held: Held) -> tuple[int, bool, int, datetime]:
    return day_order(held.state, held.job.service_class, held.assigned_at)


def day_order(
    state: str, service_class: str, assigned_at: datetime
) -> tuple[int, bool, int, datetime]:
    """Sorts what a crew has not begun on site: on the way, danger, accepted, sent, then by age."""
    under_way = 0 if state == "ENROUTE" else 1
    return under_way, service_class != policy.DANGER, _AHEAD[state], assigned_at


def _remaining_s(held: Held, at: datetime) -> int:
    since_s = max(0, int((at - (held.spell_at or at)).total_seconds()))
    return policy.remaining_s(held.job.service_s, held.state, held.spell_action, since_s)


def held_id(held: Held, crew: CrewNow) -> str:
    """The order's name in the problem; a joint crew's order has a part per standing crew."""
    return f"{held.job.serial}@{crew.code}" if held.part else held.job.serial


def chains(snapshot: Snapshot, layout: Layout) -> list[list[int]]:
    """Rows that crews drive one after the other come what may: a missing road is bridged."""
    found = []
    for crew in snapshot.crews:
        now = standing(crew, snapshot.at)
        stops = [now.place, *(held.job.place for held in now.ahead)]
        found.append([layout.row[place] for place in stops])
    return found


def problem_of(
    snapshot: Snapshot, layout: Layout, roads: Roads, objective: dispatch.Objective = OBJECTIVE
) -> dispatch.Problem:
    """The problem, with the snapshot's instant as time zero; raises dispatch.ProblemRefused."""
    orders = [order_of(job, snapshot.at, layout) for job in snapshot.jobs]
    areas = {job.station_id for job in snapshot.jobs}
    crews = []
    for crew in snapshot.crews:
        now = standing(crew, snapshot.at)
        away = elsewhere(snapshot, crew)
        orders += [_held_order(held, crew, snapshot.at, layout) for held in now.ahead]
        # Going there was decided by another plan: it has no price here.
        orders += [replace(order_of(each.job, snapshot.at, layout), area=None) for each in away]
        planned = _crew(crew, now, snapshot.at, layout)
        crews.append(
            replace(
                planned,
                sequence=tuple(each.job.serial for each in away),
                area_cost=prices(areas, crew.station_id),
            )
        )
    return dispatch.Problem(
        orders=tuple(orders), crews=tuple(crews), travel=roads.travel, objective=objective
    )


def elsewhere(snapshot: Snapshot, crew: CrewNow) -> list[Elsewhere]:
    """What other plans have given to the crew, in the order of its day."""
    return sorted(
        (each for each in snapshot.elsewhere if each.crew_code == crew.code),
        key=lambda each: (each.position, each.job.serial),
    )


def seconds(at: datetime, instant: datetime) -> int:
    """Whole seconds from time zero; what has passed is 0."""
    return max(0, int((instant - at).total_seconds()))


def order_of(job: Job, at: datetime, layout: Layout) -> dispatch.Order:
    """A waiting order in the planner's integers; its place must be one of the layout."""
    rate = policy.late_rate(
        job.service_class,
        vulnerable=job.vulnerable,
        overdue=policy.overdue_s(job.arrive_by, at),
    )
    window, waiting = None, 0
    if job.window is not None:
        window = (seconds(at, job.window[0]), seconds(at, job.window[1]))
    elif job.arrive_by is None:
        waited_s = seconds(job.reported_at, at)
        waiting = policy.waiting_rate(job.service_s, vulnerable=job.vulnerable, waited_s=waited_s)
    return dispatch.Order(
        id=job.serial,
        place=layout.row[job.place],
        service_s=job.service_s,
        priority_penalty=policy.unserved_price(job.service_class, rate + waiting),
        setup_s=policy.SETUP_S,
        building=job.building,
        window=window,
        due_s=seconds(at, job.arrive_by) if job.arrive_by else None,
        late_per_mille=rate,
        waiting_per_mille=waiting,
        skills=job.skills,
        crew_size=job.crew_size,
        area=str(job.station_id),
        pinned_crew=job.pinned_crew,
        forbidden_crews=job.forbidden_crews,
        current_crew=job.wanted_crew,
        move_s=job.move_s,
        emergency=job.service_class == policy.DANGER,
        income=job.income,
    )


def _held_order(held: Held, crew: CrewNow, at: datetime, layout: Layout) -> dispatch.Order:
    """An order that is the crew's already: only its place, its length and its slot count."""
    job = held.job
    return dispatch.Order(
        id=held_id(held, crew),
        place=layout.row[job.place],
        service_s=job.service_s,
        priority_penalty=0,
        setup_s=policy.SETUP_S,
        building=job.building,
        earliest_s=seconds(at, job.window[0]) if job.window else 0,
        income=job.income,
    )


def _crew(crew: CrewNow, now: Standing, at: datetime, layout: Layout) -> dispatch.Crew:
    return dispatch.Crew(
        id=crew.code,
        start_place=layout.row[crew.place],
        shift=(seconds(at, crew.shift[0]), max(1, seconds(at, crew.shift[1]))),
        overtime_s=policy.OVERTIME_S,
        breaks=tuple(
            dispatch.Break(
                earliest_s=seconds(at, rest.opens),
                latest_s=seconds(at, rest.closes) - rest.duration_s,
                duration_s=rest.duration_s,
            )
            for rest in crew.rests
        ),
        skills=dict(crew.skills),
        size=crew.size,
        load_s=crew.load_s,
        income=crew.income,
        available_from_s=now.free_in_s,
        available_at=layout.row[now.place],
        in_building=now.building,
        locked=tuple(held_id(held, crew) for held in now.ahead),
    )


def warm_start(snapshot: Snapshot) -> dict[str, Sequence[str]]:
    """The published plan as the search's start: what each crew holds, then its planned visits."""
    planned: dict[str, list[tuple[int, str]]] = {crew.code: [] for crew in snapshot.crews}
    for job in snapshot.jobs:
        visit = snapshot.published.get(job.id)
        if visit is not None and visit.crew_code in planned:
            planned[visit.crew_code].append((visit.position, job.serial))
    for each in snapshot.elsewhere:
        if each.crew_code in planned:
            planned[each.crew_code].append((each.position, each.job.serial))
    return {
        crew.code: [
            *_held_ids(crew, snapshot.at),
            *(name for _, name in sorted(planned[crew.code])),
        ]
        for crew in snapshot.crews
    }


def _held_ids(crew: CrewNow, at: datetime) -> Iterable[str]:
    return (held_id(held, crew) for held in standing(crew, at).ahead)
