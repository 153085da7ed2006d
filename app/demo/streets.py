"""The made-up road network: arterial grid, quarter streets, elevated ring with ramps, river.

Works in metres on a plane around the city's centre; `town` turns it into places.
"""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from app.demo.city import Street
from app.demo.names import road_name

Point = tuple[float, float]
Crossing = tuple[int, int]
LINES = 15
STEP_M = 500.0
QUARTERS = 4
RING_LINES = (3, 11)
BRIDGE_COLUMNS = (1, 4, 7, 10, 13)
_SPEED = {"trunk": 70, "primary": 50, "secondary": 45, "tertiary": 40}


@dataclass
class Network:
    """Streets under construction. `sides` maps a block's side to its five nodes, end to end."""

    random: Random
    points: list[Point] = field(default_factory=list)
    streets: list[Street] = field(default_factory=list)
    crossings: dict[Crossing, int] = field(default_factory=dict)
    sides: dict[tuple[Crossing, Crossing], tuple[int, ...]] = field(default_factory=dict)
    river: list[Point] = field(default_factory=list)

    def node(self, point: Point) -> int:
        """The index of a new node at `point`."""
        self.points.append(point)
        return len(self.points) - 1

    def street(self, name: str, road_class: str, nodes: tuple[int, ...], **more: bool) -> None:
        speed = _SPEED.get(road_class)
        self.streets.append(Street(name, road_class, nodes, maxspeed_kmh=speed, **more))


def build_network(random: Random) -> Network:
    """Grid, river with its few bridges, and the ring; the blocks between are still empty."""
    network = Network(random)
    network.river = [(x, river_y(x)) for x in range(-4200, 4201, 150)]
    _add_crossings(network)
    for line in range(LINES):
        _add_grid_line(network, [(line, row) for row in range(LINES)], "路", line)
        _add_grid_line(network, [(column, line) for column in range(LINES)], "街", line)
    _add_ring(network)
    return network


def river_y(x_m: float) -> float:
    """How far north of the centre the river runs at `x_m`."""
    return -1230.0 + 160.0 * math.sin(x_m / 1100.0)


def _add_crossings(network: Network) -> None:
    middle = (LINES - 1) / 2
    bends = [[network.random.uniform(-45, 45) for _ in range(LINES)] for _ in range(2)]
    for column in range(LINES):
        for row in range(LINES):
            x_m = (column - middle) * STEP_M + bends[0][column] + network.random.uniform(-15, 15)
            y_m = (row - middle) * STEP_M + bends[1][row] + network.random.uniform(-15, 15)
            network.crossings[column, row] = network.node((x_m, y_m))


def _grid_class(line: int) -> str:
    if line in (0, LINES - 1):
        return "trunk"
    return {1: "primary", 3: "secondary"}.get(line % 4, "tertiary")


def _add_grid_line(network: Network, at: list[Crossing], suffix: str, line: int) -> None:
    """One street along the crossings `at`, cut where it meets the river without a bridge."""
    name = road_name(line, suffix)
    road_class = _grid_class(line)
    stretch: list[int] = [network.crossings[at[0]]]
    for start, end in itertools.pairwise(at):
        nodes = _side_nodes(network, start, end)
        wet = _crosses_river(network, nodes)
        if wet and suffix == "路" and line in BRIDGE_COLUMNS:
            _finish(network, name, road_class, stretch)
            network.street(name, road_class, nodes, bridge=True)
            stretch = [nodes[-1]]
        elif wet:
            _finish(network, name, road_class, stretch)
            stretch = [nodes[-1]]
        else:
            network.sides[start, end] = nodes
            stretch.extend(nodes[1:])
    _finish(network, name, road_class, stretch)


def _finish(network: Network, name: str, road_class: str, stretch: list[int]) -> None:
    if len(stretch) > 1:
        network.street(name, road_class, tuple(stretch))


def _side_nodes(network: Network, start: Crossing, end: Crossing) -> tuple[int, ...]:
    first, last = network.crossings[start], network.crossings[end]
    between = [
        network.node(along(network.points[first], network.points[last], step / QUARTERS))
        for step in range(1, QUARTERS)
    ]
    return (first, *between, last)


def along(start: Point, end: Point, share: float) -> Point:
    """The point at `share` (0-1) of the way from `start` to `end`."""
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def _crosses_river(network: Network, nodes: tuple[int, ...]) -> bool:
    """Whether the stretch changes banks or comes within 60 m of the water's middle."""
    gaps = [network.points[node][1] - river_y(network.points[node][0]) for node in nodes]
    return min(gaps) < 60 < max(gaps) or any(abs(gap) < 60 for gap in gaps)


def _add_ring(network: Network) -> None:
    """An elevated ring above four grid streets, one carriageway a direction, joined by ramps."""
    base = _ring_base(network)
    for side_m, step in ((14.0, 1), (-14.0, -1)):
        order = list(range(len(base)))[::step]
        points = [_beside(base, index, side_m) for index in order]
        deck = [network.node(point) for point in points]
        network.street("内环快速路", "trunk", (*deck, deck[0]), oneway=True, bridge=True)
        _add_ramps(network, order, deck)


def _ring_corners() -> list[Crossing]:
    """Every crossing under the ring, anticlockwise from the south-west corner."""
    low, high = RING_LINES
    south = [(column, low) for column in range(low, high)]
    east = [(high, row) for row in range(low, high)]
    north = [(column, high) for column in range(high, low, -1)]
    west = [(low, row) for row in range(high, low, -1)]
    return [*south, *east, *north, *west]


def _ring_base(network: Network) -> list[Point]:
    corners = [network.points[network.crossings[at]] for at in _ring_corners()]
    return [
        along(corner, corners[(index + 1) % len(corners)], step / QUARTERS)
        for index, corner in enumerate(corners)
        for step in range(QUARTERS)
    ]


def _beside(base: list[Point], index: int, side_m: float) -> Point:
    """The base point moved `side_m` to the right of an anticlockwise drive."""
    (x1, y1), (x2, y2) = base[index - 1], base[(index + 1) % len(base)]
    length = math.hypot(x2 - x1, y2 - y1)
    right_x, right_y = (y2 - y1) / length, (x1 - x2) / length
    return (base[index][0] + right_x * side_m, base[index][1] + right_y * side_m)


def _add_ramps(network: Network, order: list[int], deck: list[int]) -> None:
    """Ramps down before and up after every arterial that crosses the ring, one way each."""
    corners = _ring_corners()
    position = {base_index: place for place, base_index in enumerate(order)}
    for number, corner in enumerate(corners):
        before, after = corners[number - 1], corners[(number + 1) % len(corners)]
        on_corner = before[0] != after[0] and before[1] != after[1]
        moving = corner[0] if before[1] == after[1] else corner[1]
        if on_corner or _grid_class(moving) == "tertiary":
            continue
        near, far = _quarter(network, corner, before), _quarter(network, corner, after)
        if near is None or far is None:
            continue
        if order[0] > order[-1]:
            near, far = far, near
        place = position[number * QUARTERS]
        down, up = deck[place - 2], deck[(place + 2) % len(deck)]
        network.street("内环匝道", "trunk_link", (down, near), oneway=True)
        network.street("内环匝道", "trunk_link", (far, up), oneway=True)


def _quarter(network: Network, corner: Crossing, neighbour: Crossing) -> int | None:
    """The ground node a quarter block from `corner` towards `neighbour`, if the street is whole."""
    if (corner, neighbour) in network.sides:
        return network.sides[corner, neighbour][1]
    if (neighbour, corner) in network.sides:
        return network.sides[neighbour, corner][-2]
    return None


def reachable(streets: tuple[Street, ...] | list[Street], start: int) -> set[int]:
    """Every node that can be driven to from `start` and back again."""
    return _walk(streets, start, forward=True) & _walk(streets, start, forward=False)


def _walk(streets: tuple[Street, ...] | list[Street], start: int, *, forward: bool) -> set[int]:
    following: dict[int, list[int]] = defaultdict(list)
    for street in streets:
        for one, other in zip(street.nodes, street.nodes[1:], strict=False):
            if forward or not street.oneway:
                following[one].append(other)
            if not (forward and street.oneway):
                following[other].append(one)
    seen, edge = {start}, [start]
    while edge:
        for node in following[edge.pop()]:
            if node not in seen:
                seen.add(node)
                edge.append(node)
    return seen
