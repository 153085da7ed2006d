"""Pictures of a plan: its routes on the map, and what every crew does when."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from dispatch.drawing import Box, Dot, Line, Picture, Point, Shape, Text
from dispatch.gantt import gantt
from dispatch.plan import Plan, Route
from dispatch.problem import Problem

MAP = 780.0
"""Side of the map in units."""
CHART = 1080.0
MARGIN = 24.0
HEAD = 92.0
LEFT_OUT = "#c81e1e"
_GOLDEN = 0.618034
_RING = 4.5


def draw(
    problem: Problem,
    plan: Plan,
    path: Path,
    *,
    places: Sequence[Point] | None = None,
    title: str = "plan",
) -> None:
    """Draw the plan to a self-contained `.html` or a `.png`, by the path's suffix.

    `places` are points of a plane, one per row of the travel matrix; without them there is only the
    chart of crews. Raises ValueError for another suffix, OSError when it cannot be written.
    """
    picture(problem, plan, places, title).write(path, title)


def picture(
    problem: Problem, plan: Plan, places: Sequence[Point] | None = None, title: str = "plan"
) -> Picture:
    """Return the drawing of the plan."""
    hues = colours(len(plan.routes))
    left = MARGIN + (MAP + MARGIN if places is not None else 0.0)
    chart = gantt(problem, plan, hues, left, HEAD, CHART)
    layers: list[Sequence[Shape]] = [list(_head(problem, plan, title))]
    if places is not None:
        layers += _map(problem, plan, places, hues)
    layers += chart.layers
    bottom = max(chart.bottom, HEAD + MAP if places is not None else 0.0)
    return Picture(width=left + CHART + MARGIN, height=bottom + MARGIN, layers=layers)


def colours(count: int) -> list[str]:
    """Return one colour per crew; neighbours in the list differ most."""
    found = []
    for number in range(count):
        hue = (0.58 + number * _GOLDEN) % 1.0
        light = (0.40, 0.52, 0.32)[number % 3]
        red, green, blue = colorsys.hls_to_rgb(hue, light, 0.75)
        found.append(f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}")
    return found


def _head(problem: Problem, plan: Plan, title: str) -> Iterator[Shape]:
    served = len(problem.orders) - len(plan.unassigned)
    crews = sum(1 for route in plan.routes if route.visits or route.travel_s)
    terms = "   ".join(f"{term} {value / 60:,.0f}" for term, value in plan.price.items() if value)
    yield Text(x=MARGIN, y=34, text=title, size=20)
    yield Text(
        x=MARGIN,
        y=56,
        size=13,
        text=f"{served} of {len(problem.orders)} orders in the plan, {crews} of"
        f" {len(plan.routes)} crews on the road",
    )
    yield Text(
        x=MARGIN,
        y=76,
        size=13,
        text=f"price {plan.total / 60:,.0f} min:   {terms}",
        colour="#52606d",
    )


def _map(
    problem: Problem, plan: Plan, places: Sequence[Point], hues: Sequence[str]
) -> Iterator[Sequence[Shape]]:
    spots = _scaled(problem, places)
    yield [Box(x=MARGIN, y=HEAD, width=MAP, height=MAP, fill="#fbfcfd", edge="#d5dae1")]
    seen: dict[int, int] = {}
    routes = list(zip(plan.routes, hues, strict=True))
    yield from ([_path(problem, route, spots, hue)] for route, hue in routes if route.travel_s)
    yield from (list(_stops(problem, route, spots, hue, seen)) for route, hue in routes)
    yield list(_left_out(problem, plan, spots, seen))
    yield list(_starts(problem, plan, spots))
    yield list(_key())


def _key() -> Iterator[Shape]:
    """What the marks on the map mean."""
    base, right = HEAD - 12, MARGIN + MAP
    for back, radius, fill, edge, told in (
        (250, 3.6, "#7b8794", "#ffffff", "order"),
        (190, 5.0, "#7b8794", LEFT_OUT, "emergency"),
        (100, 4.2, "#ffffff", LEFT_OUT, "left out"),
    ):
        yield Dot(x=right - back, y=base - 4, radius=radius, fill=fill, edge=edge)
        yield Text(x=right - back + 9, y=base, text=told, size=12)
    yield Box(x=right - 345, y=base - 10, width=12, height=12, fill="#111827")
    yield Text(x=right - 328, y=base, text="crews start", size=12)


def _scaled(problem: Problem, places: Sequence[Point]) -> dict[int, Point]:
    """Each used place on the map, north up."""
    used = {order.place for order in problem.orders}
    for crew in problem.crews:
        used |= {place for place in (crew.ready_place, crew.end_place) if place is not None}
    # A crew without a start stands at a place of its own that is nowhere.
    points = {place: places[place] for place in used if place < len(places)}
    if not points:
        return {}
    west, south = (min(point[axis] for point in points.values()) for axis in (0, 1))
    east, north = (max(point[axis] for point in points.values()) for axis in (0, 1))
    inner = MAP - 2 * MARGIN
    scale = inner / (max(east - west, north - south) or 1.0)
    shift_x = MARGIN + (MAP - scale * (east - west)) / 2
    shift_y = HEAD + (MAP - scale * (north - south)) / 2
    return {
        place: (shift_x + scale * (x - west), shift_y + scale * (north - y))
        for place, (x, y) in points.items()
    }


def _path(problem: Problem, route: Route, spots: dict[int, Point], hue: str) -> Shape:
    crew = problem.crew_by_id[route.crew_id]
    stops = [problem.order_by_id[visit.order_id].place for visit in route.visits]
    end = [] if crew.end_place is None else [crew.end_place]
    points = [spots[place] for place in (crew.ready_place, *stops, *end) if place in spots]
    told = f"crew {crew.id}: {len(stops)} orders, {route.travel_s / 60:.0f} min driving"
    return Line(points=points, colour=hue, width=1.6, title=told)


def _stops(
    problem: Problem, route: Route, spots: dict[int, Point], hue: str, seen: dict[int, int]
) -> Iterator[Shape]:
    for number, visit in enumerate(route.visits, 1):
        order = problem.order_by_id[visit.order_id]
        if order.place not in spots:
            continue
        x, y = _beside(spots[order.place], order.place, seen)
        late = f", {visit.late_s / 60:.0f} min late" if visit.late_s else ""
        yield Dot(
            x=x,
            y=y,
            radius=5.0 if order.emergency else 3.6,
            fill=hue,
            edge=LEFT_OUT if order.emergency else "#ffffff",
            title=f"order {order.id}: stop {number} of crew {route.crew_id}{late}",
        )


def _left_out(
    problem: Problem, plan: Plan, spots: dict[int, Point], seen: dict[int, int]
) -> Iterator[Shape]:
    for order_id, reasons in plan.unassigned.items():
        order = problem.order_by_id[order_id]
        if order.place in spots:
            x, y = _beside(spots[order.place], order.place, seen)
            why = " ".join(reason.en for reason in reasons)
            told = f"order {order_id} is not in the plan. {why}"
            yield Dot(x=x, y=y, radius=4.2, fill="#ffffff", edge=LEFT_OUT, title=told)


def _starts(problem: Problem, plan: Plan, spots: dict[int, Point]) -> Iterator[Shape]:
    crews: dict[int, list[str]] = {}
    for route in plan.routes:
        crews.setdefault(problem.crew_by_id[route.crew_id].ready_place, []).append(route.crew_id)
    for place, names in crews.items():
        if place in spots:
            x, y = spots[place]
            told = f"start of crews {', '.join(names)}"
            yield Box(
                x=x - 6, y=y - 6, width=12, height=12, fill="#111827", edge="#ffffff", title=told
            )


def _beside(spot: Point, place: int, seen: dict[int, int]) -> Point:
    """The next free spot around a place: orders of one building lie side by side."""
    number = seen.get(place, 0)
    seen[place] = number + 1
    # A sunflower: the square root keeps the dots evenly far apart however many there are.
    reach, angle = _RING * 1.35 * math.sqrt(number), number * 2.399963
    return spot[0] + reach * math.cos(angle), spot[1] + reach * math.sin(angle)
