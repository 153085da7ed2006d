"""The chart of crews: one row each, with driving, set-up, work, rests and waiting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dispatch.drawing import Box, Line, Shape, Text
from dispatch.model import Crew
from dispatch.plan import Plan, Route, Visit
from dispatch.problem import Problem

WORK, EMERGENCY, SET_UP = "#3b82c4", "#d1495b", "#9ec5e8"
DRIVE, BREAK, WAIT, LATE = "#7b8794", "#f0b429", "#cbd2d9", "#c81e1e"
LEGEND = (
    ("work", WORK),
    ("emergency", EMERGENCY),
    ("set-up", SET_UP),
    ("drive", DRIVE),
    ("break", BREAK),
    ("wait", WAIT),
    ("late", LATE),
)
ROW_MOST, ROW_LEAST, TALL = 32.0, 15.0, 740.0
LABEL = 96.0
_TICKS_S = (300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 604800, 2592000, 31536000)
_LETTER = 0.62
"""Width of a letter over its size, a little more than needed."""


class Chart(NamedTuple):
    """The chart's layers and where it ends below."""

    layers: list[Sequence[Shape]]
    bottom: float


class Frame(NamedTuple):
    """Where seconds and rows lie."""

    left: float
    top: float
    width: float
    row: float
    from_s: int
    until_s: int

    def x(self, at_s: float) -> float:
        """Units from the left of the picture; times outside lie on the edge."""
        inside = min(max(at_s, self.from_s), self.until_s)
        return self.left + self.width * (inside - self.from_s) / (self.until_s - self.from_s)

    def y(self, row: int) -> float:
        """The upper edge of a row."""
        return self.top + row * self.row

    def bar(
        self, row: int, span: tuple[int, int], fill: str, title: str, *, share: float = 0.72
    ) -> Box:
        """A bar from second to second that takes this share of the row's height."""
        left, right = self.x(span[0]), self.x(span[1])
        top = self.y(row) + self.row * (1 - share) / 2
        return Box(
            x=left, y=top, width=right - left, height=self.row * share, fill=fill, title=title
        )


def gantt(
    problem: Problem, plan: Plan, hues: Sequence[str], left: float, top: float, width: float
) -> Chart:
    """Return one row per crew, in the problem's order."""
    count = max(1, len(plan.routes))
    row = max(ROW_LEAST, min(ROW_MOST, TALL / count))
    first, last = _span(problem, plan)
    frame = Frame(left + LABEL, top + 22, width - LABEL, row, first, last)
    layers: list[Sequence[Shape]] = [list(_legend(left, top - 18)), list(_grid(frame, count))]
    for number, (route, hue) in enumerate(zip(plan.routes, hues, strict=True)):
        layers.append(list(_row(problem, route, hue, frame, number)))
    return Chart(layers, frame.y(count))


def clock(at_s: int) -> str:
    """Return 08:30, and the day in front of it beyond the first."""
    days, rest = divmod(at_s, 86400)
    shown = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}"
    return f"{days}d {shown}" if days else shown


def _span(problem: Problem, plan: Plan) -> tuple[int, int]:
    """What the axis shows: routes wholly, shifts unless they end long after the last route."""
    busy = [route for route in plan.routes if route.visits or route.travel_s]
    first = min((problem.crew_by_id[route.crew_id].ready_s for route in busy), default=0)
    last = max((route.end_s for route in busy), default=first + 3600)
    shifts = [crew.shift[1] for crew in problem.crews if crew.shift[1] - first < 2 * (last - first)]
    last = max([last, *shifts])
    return first, max(last, first + 60)


def _legend(left: float, base: float) -> Iterator[Shape]:
    at = left + LABEL
    for name, colour in LEGEND:
        yield Box(x=at, y=base - 9, width=14, height=10, fill=colour)
        yield Text(x=at + 19, y=base, text=name, size=12)
        at += 34 + 8 * len(name)


def _grid(frame: Frame, rows: int) -> Iterator[Shape]:
    span = frame.until_s - frame.from_s
    step = next((tick for tick in _TICKS_S if span / tick <= 16), _TICKS_S[-1])
    for row in range(0, rows, 2):
        y = frame.y(row)
        yield Box(x=frame.left, y=y, width=frame.width, height=frame.row, fill="#f5f7fa")
    tick = -(-frame.from_s // step) * step
    while tick <= frame.until_s:
        x = frame.x(tick)
        yield Line(points=[(x, frame.top), (x, frame.y(rows))], colour="#e4e7eb")
        yield Text(
            x=x, y=frame.top - 6, text=clock(tick), size=11, colour="#52606d", anchor="middle"
        )
        tick += step


def _row(problem: Problem, route: Route, hue: str, frame: Frame, row: int) -> Iterator[Shape]:
    crew = problem.crew_by_id[route.crew_id]
    yield from _label(crew, route, hue, frame, row)
    if not route.visits and not route.travel_s:
        return
    yield frame.bar(row, (crew.ready_s, route.end_s), WAIT, f"crew {crew.id} waits", share=0.12)
    at = crew.ready_s
    for visit in route.visits:
        yield from _visit(problem, crew, visit, at, frame, row)
        at = visit.finish_s
    if crew.end_place is not None:
        yield frame.bar(row, (at, route.end_s), DRIVE, f"crew {crew.id} drives home", share=0.3)
    for rest in route.breaks:
        told = f"break of crew {crew.id}, {clock(rest.start_s)} to {clock(rest.finish_s)}"
        yield frame.bar(row, (rest.start_s, rest.finish_s), BREAK, told)
    if route.overtime_s:
        told = f"crew {crew.id}: {route.overtime_s / 60:.0f} min overtime"
        x = frame.x(crew.shift[1])
        yield Line(
            points=[(x, frame.y(row)), (x, frame.y(row + 1))], colour=LATE, width=2, title=told
        )


def _label(crew: Crew, route: Route, hue: str, frame: Frame, row: int) -> Iterator[Shape]:
    base = frame.y(row) + frame.row / 2 + 4
    told = f"crew {crew.id}: {len(route.visits)} orders, {route.load_s / 3600:.1f} h on the job"
    yield Box(
        x=frame.left - LABEL, y=base - 10, width=10, height=10, fill=hue, title=told
    )  # the colour of its route on the map
    name = crew.id if len(crew.id) <= 9 else f"{crew.id[:8]}…"
    yield Text(x=frame.left - LABEL + 15, y=base, text=name, size=11)
    share = f"{len(route.visits)}"
    yield Text(x=frame.left - 8, y=base, text=share, size=10, colour="#7b8794", anchor="end")


def _visit(
    problem: Problem, crew: Crew, visit: Visit, at: int, frame: Frame, row: int
) -> Iterator[Shape]:
    order = problem.order_by_id[visit.order_id]
    told = (
        f"order {order.id}, crew {crew.id}: {clock(visit.start_s)} to {clock(visit.finish_s)}"
        f" (arrives {clock(visit.arrival_s)}, drives {visit.travel_s / 60:.0f} min,"
        f" waits {visit.wait_s / 60:.0f} min)"
    )
    if order.window is not None:
        told += f"; may start {clock(order.opens_s)} to {clock(order.window[1])}"
    if order.due_s is not None:
        told += f"; due {clock(order.due_s)}, {visit.late_s / 60:.0f} min late"
    if visit.travel_s:
        yield frame.bar(row, (at, visit.arrival_s), DRIVE, f"to order {order.id}", share=0.3)
    if visit.setup_s:
        yield frame.bar(row, (visit.start_s - visit.setup_s, visit.start_s), SET_UP, told)
    work = frame.bar(
        row, (visit.start_s, visit.finish_s), EMERGENCY if order.emergency else WORK, told
    )
    gap = 0.6
    yield Box(
        x=work.x + gap,
        y=work.y,
        width=max(gap, work.width - 2 * gap),
        height=work.height,
        fill=work.fill,
        title=told,
    )
    if visit.late_s:
        yield Box(x=work.x, y=work.y + work.height, width=work.width, height=2.5, fill=LATE)
    size = min(11.0, frame.row * 0.45)
    if work.width > len(order.id) * size * _LETTER + 3:
        x, y = work.x + work.width / 2, work.y + work.height / 2 + size * 0.36
        yield Text(x=x, y=y, text=order.id, size=size, colour="#ffffff", anchor="middle")
