"""Cuts a set of places into three station areas of equal work: rectangles without overlap."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.demo.city import Bounds, Building, Compound, LonLat, Station, rounded

_NAMES = (
    ("A", "第一维修站", "Station A"),
    ("B", "第二维修站", "Station B"),
    ("C", "第三维修站", "Station C"),
)


@dataclass(frozen=True, slots=True)
class Area:
    """West, south, east, north; a place exactly on an inner edge cannot occur (see `_cut`)."""

    box: Bounds

    def holds(self, place: LonLat) -> bool:
        """Whether the place lies inside."""
        west, south, east, north = self.box
        return west <= place[0] <= east and south <= place[1] <= north

    @property
    def ring(self) -> tuple[LonLat, ...]:
        """The closed ring, anticlockwise."""
        west, south, east, north = self.box
        return ((west, south), (east, south), (east, north), (west, north), (west, south))


def three_areas(places: Sequence[LonLat], weights: Sequence[float], bounds: Bounds) -> list[Area]:
    """One third of the weight cut off across the longer side, the rest halved across it.

    Raises ValueError when fewer than three places differ.
    """
    west, south, east, north = bounds
    axis = 0 if (east - west) * 0.75 >= north - south else 1
    first = _cut([place[axis] for place in places], weights, 1 / 3)
    rest = [n for n, place in enumerate(places) if place[axis] > first]
    other = 1 - axis
    second = _cut([places[n][other] for n in rest], [weights[n] for n in rest], 1 / 2)
    if axis == 0:
        boxes = [
            (west, south, first, north),
            (first, south, east, second),
            (first, second, east, north),
        ]
    else:
        boxes = [
            (west, south, east, first),
            (west, first, second, north),
            (second, first, east, north),
        ]
    return [Area(box) for box in boxes]


def _cut(values: Sequence[float], weights: Sequence[float], share: float) -> float:
    """A value between two different neighbours with about `share` of the weight below it."""
    pairs = sorted(zip(values, weights, strict=True))
    wanted, below = share * sum(weights), 0.0
    for (value, weight), (following, _) in itertools.pairwise(pairs):
        below += weight
        if below >= wanted and following - value > 2e-7:
            return round((value + following) / 2, 8)
    raise ValueError("the places do not spread over enough ground for three stations")


def with_stations(
    compounds: Sequence[Compound], bounds: Bounds
) -> tuple[tuple[Compound, ...], tuple[Station, ...]]:
    """The compounds with a station on every building, and the three stations.

    A station stands at the building nearest to the middle of its area's buildings.
    """
    buildings = [building for compound in compounds for building in compound.buildings]
    areas = three_areas([b.location for b in buildings], [b.weight for b in buildings], bounds)
    stations, code_of = [], {}
    for (code, name_zh, name_en), area in zip(_NAMES, areas, strict=True):
        inside = [building for building in buildings if area.holds(building.location)]
        code_of.update({building.id: code for building in inside})
        lon, lat = _middle(inside)
        stations.append(Station(code, name_zh, name_en, lon, lat, area.ring))
    placed = tuple(
        replace(
            compound,
            buildings=tuple(replace(b, station_code=code_of[b.id]) for b in compound.buildings),
        )
        for compound in compounds
    )
    return placed, tuple(stations)


def _middle(buildings: list[Building]) -> LonLat:
    lons = sorted(building.lon for building in buildings)
    lats = sorted(building.lat for building in buildings)
    lon, lat = lons[len(lons) // 2], lats[len(lats) // 2]
    nearest = min(buildings, key=lambda b: (b.lon - lon) ** 2 + (b.lat - lat) ** 2)
    return nearest.location


def robust_bounds(places: Sequence[LonLat], cut_off: float = 0.01) -> Bounds:
    """The box that holds the places but for the outermost `cut_off` on each side."""
    if not places:
        raise ValueError("no places to put a box around")
    lons, lats = sorted(place[0] for place in places), sorted(place[1] for place in places)
    low = int(cut_off * (len(places) - 1))
    return (lons[low], lats[low], lons[-1 - low], lats[-1 - low])


def padded(bounds: Bounds, margin_deg: float = 0.003) -> Bounds:
    """The box with a margin, so that nothing stands on its edge."""
    west, south, east, north = bounds
    return (
        *rounded(west - margin_deg, south - margin_deg),
        *rounded(east + margin_deg, north + margin_deg),
    )
