"""A city made of a real map: places along its residential streets, or its own buildings."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from math import fsum
from pathlib import Path
from random import Random

import osmium

from app.demo.areas import padded, robust_bounds, with_stations
from app.demo.city import Bounds, Building, City, Compound, LonLat, Plane, distance_m, rounded

_ROADS = ("motorway", "trunk", "primary", "secondary", "tertiary")
_DRIVEN = frozenset(
    {
        *_ROADS,
        *(f"{road}_link" for road in _ROADS),
        *("unclassified", "residential", "living_street", "service"),
    }
)
_LIVED_IN = frozenset({"residential", "living_street", "unclassified", "tertiary"})
_COMPOUND_SIZE = 8
_BESIDE_M = 12.0
_SAME_PLACE_DEG = 2e-5


@dataclass
class _Map:
    """What is read from a map: driven ways by node, where people live, and buildings."""

    ways: list[list[int]] = field(default_factory=list)
    places: dict[int, LonLat] = field(default_factory=dict)
    lived_in: list[tuple[str, list[int]]] = field(default_factory=list)
    buildings: list[tuple[str, LonLat]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Home:
    street: str
    place: LonLat


def places_from_map(path: Path, n: int, seed: int, bbox: Bounds | None = None) -> City:
    """`n` buildings on the map at `path` (.osm or .osm.pbf), with three stations over them.

    Takes the map's own buildings when it has enough, else points beside its residential streets,
    only where the largest connected part of the road network lies. Without `bbox` the area is that
    of the road nodes but for the outermost 5 % on each side: the box in a file's header may be
    wrong. Raises ValueError when the map has too few streets.
    """
    found = _read(path)
    connected = _largest_part(found.ways)
    spots = [found.places[node] for node in connected if node in found.places]
    bounds = bbox or robust_bounds(spots, 0.05)
    random = Random(f"map-{seed}")
    homes = _homes(random, found, connected, bounds, n)
    if len(homes) < n:
        raise ValueError(f"{path.name} has room for {len(homes)} places, not {n}")
    name = path.name.split(".")[0].title()
    compounds = _compounds(random, homes, name)
    box = padded(bounds)
    placed, stations = with_stations(compounds, box)
    return City(name, name, box, (), (), (), placed, stations, language="en")


def _read(path: Path) -> _Map:
    found = _Map()
    keys = osmium.filter.KeyFilter("highway", "building")
    ways = osmium.FileProcessor(str(path)).with_locations().with_filter(keys)
    for entity in ways:
        if isinstance(entity, osmium.osm.Way):
            _take_way(found, entity)
    return found


def _take_way(found: _Map, way: osmium.osm.Way) -> None:
    located = [(ref.ref, ref.lon, ref.lat) for ref in way.nodes if ref.location.valid()]
    if len(located) < 2:
        return
    street = way.tags.get("addr:street") or way.tags.get("name") or ""
    if way.tags.get("building", "no") != "no":
        corners = {(lon, lat) for _, lon, lat in located}
        lon = fsum(corner[0] for corner in corners) / len(corners)
        lat = fsum(corner[1] for corner in corners) / len(corners)
        found.buildings.append((street, rounded(lon, lat)))
    kind = way.tags.get("highway")
    if kind in _DRIVEN and way.tags.get("access") not in ("no", "private"):
        nodes = [place[0] for place in located]
        found.ways.append(nodes)
        found.places.update({ref: rounded(lon, lat) for ref, lon, lat in located})
        if kind in _LIVED_IN and street:
            found.lived_in.append((street, nodes))


def _largest_part(ways: list[list[int]]) -> set[int]:
    """The nodes of the largest connected part of the driven network."""
    root: dict[int, int] = {}

    def find(node: int) -> int:
        while root.setdefault(node, node) != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for nodes in ways:
        for node in nodes[1:]:
            root[find(node)] = find(nodes[0])
    parts: dict[int, set[int]] = defaultdict(set)
    for node in root:
        parts[find(node)].add(node)
    return max(parts.values(), key=len, default=set())


def _homes(random: Random, found: _Map, connected: set[int], bounds: Bounds, n: int) -> list[_Home]:
    west, south, east, north = bounds

    def inside(place: LonLat) -> bool:
        return west < place[0] < east and south < place[1] < north

    own = [_Home(street, place) for street, place in found.buildings if street and inside(place)]
    if len(own) >= n:
        return random.sample(own, n)
    beside = [
        _Home(street, place)
        for street, nodes in found.lived_in
        if nodes[0] in connected
        for place in _beside(random, [found.places[node] for node in nodes])
        if inside(place)
    ]
    apart = _apart(beside)
    return random.sample(apart, min(n, len(apart)))


def _beside(random: Random, line: list[LonLat]) -> list[LonLat]:
    """A place 12 m beside the street for each stretch longer than 25 m."""
    places = []
    for start, end in itertools.pairwise(line):
        length_m = distance_m(start, end)
        if length_m < 25:
            continue
        x_m, y_m = Plane(*start).to_metres(*end)
        share, side_m = random.uniform(0.2, 0.8), random.choice((-_BESIDE_M, _BESIDE_M))
        east_m = x_m * share - y_m / length_m * side_m
        north_m = y_m * share + x_m / length_m * side_m
        places.append(Plane(*start).to_lonlat(east_m, north_m))
    return places


def _apart(homes: list[_Home]) -> list[_Home]:
    """The homes without those that fall on (nearly) the same place."""
    seen: dict[tuple[int, int], _Home] = {}
    for home in homes:
        cell = (round(home.place[0] / _SAME_PLACE_DEG), round(home.place[1] / _SAME_PLACE_DEG))
        seen.setdefault(cell, home)
    return list(seen.values())


def _compounds(random: Random, homes: list[_Home], district: str) -> list[Compound]:
    """Eight neighbours of one street are a compound; houses are numbered along it."""
    streets: dict[str, list[LonLat]] = defaultdict(list)
    for home in homes:
        streets[home.street].append(home.place)
    compounds: list[Compound] = []
    for street, places in sorted(streets.items()):
        places.sort()
        for start in range(0, len(places), _COMPOUND_SIZE):
            key = f"M{len(compounds) + 1:04d}"
            group = places[start : start + _COMPOUND_SIZE]
            buildings = tuple(
                _building(random, key, start + index + 1, place)
                for index, place in enumerate(group)
            )
            name = street if not start else f"{street} {start // _COMPOUND_SIZE + 1}"
            compounds.append(Compound(key, name, district, street, str(start + 1), buildings))
    return compounds


def _building(random: Random, compound: str, number: int, place: LonLat) -> Building:
    weight = round(random.lognormvariate(0.0, 1.0), 3)
    floors, units = random.randint(4, 8), random.randint(2, 3)
    lon, lat = place
    return Building(
        f"{compound}-{number}", compound, str(number), units, floors, 3, lon, lat, "", weight=weight
    )
