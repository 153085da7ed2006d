"""A city as the demo knows it: streets, compounds, buildings, stations; three sources give one.

The sources: `streets`/`town` make one up, `map_places` takes one from a real map, `demand` from
addresses that really called. Places are WGS-84 (lon, lat) degrees with 7 decimals.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

LonLat = tuple[float, float]
Bounds = tuple[float, float, float, float]
Zone = Literal["urban", "rural", "remote"]
METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Street:
    """A way between `City.nodes`; streets that share a node index are connected there."""

    name: str
    road_class: str
    """An OSM highway value: trunk, trunk_link, primary, ..., residential, service."""
    nodes: tuple[int, ...]
    oneway: bool = False
    bridge: bool = False
    maxspeed_kmh: int | None = None


@dataclass(frozen=True, slots=True)
class Building:
    """One numbered building; `weight` is how often its people call compared with others."""

    id: str
    compound: str
    number: str
    """What stands on the wall, as in 3号楼, without the suffix."""
    units: int
    floors: int
    rooms_per_floor: int
    lon: float
    lat: float
    station_code: str
    zone: Zone = "urban"
    weight: float = 1.0

    @property
    def location(self) -> LonLat:
        return (self.lon, self.lat)

    @property
    def dwellings(self) -> int:
        """How many (unit, room) pairs the building holds."""
        return self.units * self.floors * self.rooms_per_floor

    def dwelling(self, index: int) -> tuple[str, str]:
        """The unit and room of dwelling `index` (0-based): ("2", "1103") is floor 11, door 3."""
        unit, rest = divmod(index, self.floors * self.rooms_per_floor)
        floor, door = divmod(rest, self.rooms_per_floor)
        return str(unit + 1), f"{floor + 1}{door + 1:02d}"


@dataclass(frozen=True, slots=True)
class Compound:
    """A residential compound (小区) with its postal address."""

    id: str
    name: str
    district: str
    road: str
    road_number: str
    buildings: tuple[Building, ...]


@dataclass(frozen=True, slots=True)
class Station:
    """A repair station and the area that it answers for."""

    code: str
    name_zh: str
    name_en: str
    lon: float
    lat: float
    area: tuple[LonLat, ...]
    """A closed ring: the first point is repeated at the end. Areas cover the city, none overlap."""

    @property
    def wkt(self) -> str:
        """The area as `POLYGON((lon lat, ...))`."""
        return f"POLYGON(({', '.join(f'{lon:.7f} {lat:.7f}' for lon, lat in self.area)}))"

    @property
    def geojson(self) -> dict[str, object]:
        """The area as a GeoJSON geometry."""
        return {"type": "Polygon", "coordinates": [[list(point) for point in self.area]]}


@dataclass(frozen=True)
class City:
    """A whole city; `streets`, `nodes` and `river` are empty when its roads come from elsewhere."""

    name: str
    name_en: str
    bounds: Bounds
    """West, south, east, north."""
    nodes: tuple[LonLat, ...]
    streets: tuple[Street, ...]
    river: tuple[LonLat, ...]
    compounds: tuple[Compound, ...]
    stations: tuple[Station, ...]
    language: Literal["zh", "en"] = "zh"

    @cached_property
    def buildings(self) -> tuple[Building, ...]:
        """Every building, compound by compound."""
        return tuple(building for compound in self.compounds for building in compound.buildings)

    @cached_property
    def building_by_id(self) -> dict[str, Building]:
        return {building.id: building for building in self.buildings}

    @cached_property
    def compound_by_id(self) -> dict[str, Compound]:
        return {compound.id: compound for compound in self.compounds}


def rounded(lon: float, lat: float) -> LonLat:
    """A place with 7 decimals (about a centimetre), so that every machine writes the same."""
    return (round(lon, 7), round(lat, 7))


@dataclass(frozen=True, slots=True)
class Plane:
    """Metres east and north of an origin; exact enough within one city."""

    lon: float
    lat: float

    def to_lonlat(self, x_m: float, y_m: float) -> LonLat:
        east = METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return rounded(self.lon + x_m / east, self.lat + y_m / METRES_PER_DEGREE)

    def to_metres(self, lon: float, lat: float) -> tuple[float, float]:
        east = METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return ((lon - self.lon) * east, (lat - self.lat) * METRES_PER_DEGREE)


def distance_m(start: LonLat, end: LonLat) -> float:
    """Straight distance in metres between two places of one city."""
    x_m, y_m = Plane(*start).to_metres(*end)
    return math.hypot(x_m, y_m)
