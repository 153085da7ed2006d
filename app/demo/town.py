"""Lanchuan (澜川), an invented northern city of 7 x 7 km: compounds, buildings, three stations."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace
from random import Random

from app.demo.city import Building, City, Compound, LonLat, Plane, Station, Zone
from app.demo.names import compound_names
from app.demo.streets import (
    LINES,
    QUARTERS,
    Crossing,
    Network,
    Point,
    along,
    build_network,
    reachable,
    river_y,
)

CENTRE = Plane(117.0, 36.65)
HALF_M = 3900.0
_MIDDLE = LINES // 2
_COLUMNS = (0.17, 0.33, 0.5, 0.67, 0.83)
_DISTRICTS = {"S": "南澜区", "W": "望泉区", "E": "迎晖区"}
_STATIONS = {
    "S": ("河南维修站", "South Bank station"),
    "W": ("望泉维修站", "Wangquan station"),
    "E": ("迎晖维修站", "Yinghui station"),
}


@dataclass(frozen=True, slots=True)
class _Block:
    """A city block: corners in metres, and the five street nodes of its south and north edge."""

    corners: tuple[Point, Point, Point, Point]
    """South-west, south-east, north-west, north-east."""
    south: tuple[int, ...]
    north: tuple[int, ...]
    west: tuple[int, ...]
    east: tuple[int, ...]

    def point(self, u: float, v: float) -> Point:
        """The point at `u` of the way east and `v` of the way north."""
        south_west, south_east, north_west, north_east = self.corners
        return along(along(south_west, south_east, u), along(north_west, north_east, u), v)


class _Builder:
    """Fills the blocks of a network with compounds."""

    def __init__(self, random: Random, network: Network) -> None:
        self.random = random
        self.network = network
        self.names = compound_names(random, 600)
        self.compounds: list[Compound] = []

    def fill(self, block: _Block, road: str) -> None:
        """Two compounds with a street between, one large compound, or a park."""
        kind = self.random.random()
        if kind < 0.55:
            lane, middle = self._middle_street(block)
            self._compound(block, (0.0, 0.5), (block.south, middle), road)
            self._compound(block, (0.5, 1.0), (middle, block.north), lane)
        elif kind < 0.8:
            self._compound(block, (0.0, 1.0), (block.south, block.north), road)

    def _middle_street(self, block: _Block) -> tuple[str, tuple[int, ...]]:
        between = [
            self.network.node(block.point(step / QUARTERS, 0.5)) for step in range(1, QUARTERS)
        ]
        nodes = (block.west[2], *between, block.east[2])
        name = f"{self.names[-1 - len(self.compounds)][:2]}巷"
        self.network.street(name, "residential", nodes)
        return name, nodes

    def _compound(
        self,
        block: _Block,
        span: tuple[float, float],
        edges: tuple[tuple[int, ...], tuple[int, ...]],
        road: str,
    ) -> None:
        lanes = [span[0] + 0.16 + 0.2 * n for n in range(2 if span[1] - span[0] < 1 else 4)]
        self._lanes(block, lanes, edges)
        number = len(self.compounds) + 1
        self.compounds.append(
            Compound(
                id=f"C{number:03d}",
                name=self.names[number - 1],
                district="",
                road=road,
                road_number=f"{self.random.randint(1, 180)}号",
                buildings=self._buildings(block, lanes, f"C{number:03d}"),
            )
        )

    def _lanes(
        self, block: _Block, lanes: list[float], edges: tuple[tuple[int, ...], tuple[int, ...]]
    ) -> None:
        """Internal service lanes, two connectors, and one or two gates to the streets outside."""
        place = self.network.node
        gates = self.random.sample([(0, 1), (0, 3), (1, 1), (1, 3)], self.random.choice((1, 2)))
        rungs = {side: [place(block.point(side / 4, v)) for v in lanes] for side in (1, 3)}
        for level, v in enumerate(lanes):
            west, east = place(block.point(0.1, v)), place(block.point(0.9, v))
            self.network.street("", "service", (west, rungs[1][level], rungs[3][level], east))
        for side, rung in rungs.items():
            below = [edges[0][side]] if (0, side) in gates else []
            above = [edges[1][side]] if (1, side) in gates else []
            self.network.street("", "service", (*below, *rung, *above))

    def _buildings(self, block: _Block, lanes: list[float], compound: str) -> tuple[Building, ...]:
        floors = self.random.choice((5, 6, 6, 6, 11, 18, 24))
        rows: list[Building] = []
        for v in lanes:
            for u in _COLUMNS:
                if self.random.random() < 0.12:
                    continue
                rows.append(self._building(block.point(u, v - 0.045), compound, rows, floors))
        return tuple(rows)

    def _building(self, at: Point, compound: str, before: list[Building], floors: int) -> Building:
        """A slab that faces south; old walk-ups fail more often, and a few fail all the time."""
        lon, lat = CENTRE.to_lonlat(*at)
        units = self.random.randint(1, 2) if floors > 11 else self.random.randint(2, 4)
        age = 1.6 if floors <= 6 else 1.0
        number = str(len(before) + 1)
        zone: Zone = "rural" if max(abs(at[0]), abs(at[1])) > 3200 else "urban"
        weight = round(age * self.random.lognormvariate(0.0, 1.4), 3)
        return Building(
            f"{compound}-{number}", compound, number, units, floors, 2, lon, lat, "", zone, weight
        )


def generate_city(seed: int) -> City:
    """The city of `seed`: about 2,000 buildings in 200 compounds; the same for the same seed."""
    random = Random(f"city-{seed}")
    network = build_network(random)
    builder = _Builder(random, network)
    for block, road in _blocks(network):
        builder.fill(block, road)
    _refuse_islands(network)
    areas = _areas(network)
    stations = tuple(_station(code, ring, network) for code, ring in areas.items())
    compounds = _assigned(network, builder.compounds)
    west, south = CENTRE.to_lonlat(-HALF_M, -HALF_M)
    east, north = CENTRE.to_lonlat(HALF_M, HALF_M)
    return City(
        name="澜川市",
        name_en="Lanchuan",
        bounds=(west, south, east, north),
        nodes=tuple(CENTRE.to_lonlat(*point) for point in network.points),
        streets=tuple(network.streets),
        river=tuple(CENTRE.to_lonlat(*point) for point in network.river),
        compounds=compounds,
        stations=stations,
    )


def _blocks(network: Network) -> list[tuple[_Block, str]]:
    """Every block whose four sides are whole, with the name of the street south of it."""
    names = {node: street.name for street in network.streets for node in street.nodes[1:-1]}
    blocks = []
    for column in range(LINES - 1):
        for row in range(LINES - 1):
            at = [(column, row), (column + 1, row), (column, row + 1), (column + 1, row + 1)]
            south_west, south_east, north_west, north_east = at
            keys: list[tuple[Crossing, Crossing]] = [
                (south_west, south_east),
                (north_west, north_east),
                (south_west, north_west),
                (south_east, north_east),
            ]
            if any(key not in network.sides for key in keys):
                continue
            corners = [network.points[network.crossings[crossing]] for crossing in at]
            sides = [network.sides[key] for key in keys]
            block = _Block((corners[0], corners[1], corners[2], corners[3]), *sides)
            blocks.append((block, names[sides[0][1]]))
    return blocks


def _refuse_islands(network: Network) -> None:
    """Raises ValueError if some street cannot be reached, or not be left."""
    used = {node for street in network.streets for node in street.nodes}
    if used - reachable(network.streets, network.crossings[_MIDDLE, _MIDDLE]):
        raise ValueError("the generated streets are not one network")


def _divide(network: Network) -> list[Point]:
    """The middle avenue from the river northwards: the line between west and east."""
    column = [network.points[network.crossings[_MIDDLE, row]] for row in range(LINES)]
    north = [point for point in column if point[1] > river_y(point[0]) + 60]
    foot = north[0][0]
    return [(foot, river_y(foot)), *north, (north[-1][0], HALF_M)]


def _areas(network: Network) -> dict[str, tuple[LonLat, ...]]:
    """Station code to ring: south of the river, and the north bank cut at the middle avenue."""
    divide = _divide(network)
    bank = [point for point in network.river if abs(point[0]) <= HALF_M]
    bank = sorted([*bank, divide[0]])
    foot = bank.index(divide[0])
    rings = {
        "S": [(-HALF_M, -HALF_M), (HALF_M, -HALF_M), *reversed(bank)],
        "W": [*bank[:foot], *divide, (-HALF_M, HALF_M)],
        "E": [*reversed(divide), *bank[foot + 1 :], (HALF_M, HALF_M)],
    }
    return {
        code: tuple(CENTRE.to_lonlat(*point) for point in [*ring, ring[0]])
        for code, ring in rings.items()
    }


def _side_of(network: Network, x_m: float, y_m: float) -> str:
    """The station whose bank and side of the middle avenue a point is on."""
    if y_m < river_y(x_m):
        return "S"
    divide = _divide(network)
    for low, high in itertools.pairwise(divide):
        if low[1] <= y_m <= high[1]:
            return "W" if x_m < along(low, high, (y_m - low[1]) / (high[1] - low[1]))[0] else "E"
    return "W" if x_m < divide[0][0] else "E"


def _assigned(network: Network, compounds: list[Compound]) -> tuple[Compound, ...]:
    """The compounds with the station of each building and the district of the first.

    Weights are scaled so that the three stations get equal shares of the calls, as the areas of a
    real company are drawn.
    """
    codes = {
        building.id: _side_of(network, *CENTRE.to_metres(*building.location))
        for compound in compounds
        for building in compound.buildings
    }
    totals: dict[str, float] = defaultdict(float)
    for compound in compounds:
        for building in compound.buildings:
            totals[codes[building.id]] += building.weight
    return tuple(
        replace(
            compound,
            district=_DISTRICTS[codes[compound.buildings[0].id]],
            buildings=tuple(
                replace(
                    b, station_code=codes[b.id], weight=round(b.weight / totals[codes[b.id]], 9)
                )
                for b in compound.buildings
            ),
        )
        for compound in compounds
        if compound.buildings
    )


def _station(code: str, ring: tuple[LonLat, ...], network: Network) -> Station:
    """A station on the street nearest to the middle of its area."""
    x_m, y_m = {"S": (0.0, -2250.0), "W": (-1700.0, 1000.0), "E": (1700.0, 1000.0)}[code]
    ground = [node for side in network.sides.values() for node in side[1:-1]]
    nearest = min(
        ground,
        key=lambda n: (network.points[n][0] - x_m) ** 2 + (network.points[n][1] - y_m) ** 2,
    )
    lon, lat = CENTRE.to_lonlat(*network.points[nearest])
    name_zh, name_en = _STATIONS[code]
    return Station(code, name_zh, name_en, lon, lat, ring)
