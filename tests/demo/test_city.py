"""The generated city: one network, every building in one area, accepted by the routing engine."""

import subprocess
from collections import Counter, defaultdict
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from shapely import Point, wkt

from app.demo.city import City, Street, distance_m
from app.demo.osm_file import write_osm
from app.demo.town import generate_city

_SPEC = find_spec("osrm")
assert _SPEC is not None and _SPEC.origin is not None
OSRM = Path(_SPEC.origin).parent


def assert_each_building_in_its_area_alone(city: City) -> None:
    areas = {station.code: wkt.loads(station.wkt) for station in city.stations}
    assert all(area.is_valid for area in areas.values())
    for building in city.buildings:
        point = Point(building.location)
        holders = [code for code, area in areas.items() if area.covers(point)]
        assert holders == [building.station_code], building


def driven_from(streets: tuple[Street, ...], start: int, *, backwards: bool = False) -> set[int]:
    following: dict[int, set[int]] = defaultdict(set)
    for street in streets:
        for here, there in zip(street.nodes, street.nodes[1:], strict=False):
            pairs = [(here, there)] if street.oneway else [(here, there), (there, here)]
            for one, other in pairs:
                following[other if backwards else one].add(one if backwards else other)
    seen: set[int] = set()
    edge = {start}
    while edge:
        seen |= edge
        edge = {node for here in edge for node in following[here]} - seen
    return seen


class TestGenerateCity:
    def test_the_same_seed_gives_the_same_city(self, city: City) -> None:
        assert generate_city(7) == city

    def test_another_seed_gives_another_city(self, city: City) -> None:
        assert generate_city(8).compounds != city.compounds

    def test_every_building_is_in_exactly_one_station_area(self, city: City) -> None:
        assert_each_building_in_its_area_alone(city)

    def test_the_areas_cover_the_city_without_overlap(self, city: City) -> None:
        south, west, east = (wkt.loads(station.wkt) for station in city.stations)
        lon_0, lat_0, lon_1, lat_1 = city.bounds
        whole = (lon_1 - lon_0) * (lat_1 - lat_0)
        assert south.intersection(west).area + west.intersection(east).area == 0
        assert south.area + west.area + east.area == pytest.approx(whole, rel=1e-6)

    def test_every_street_can_be_reached_and_left(self, city: City) -> None:
        used = {node for street in city.streets for node in street.nodes}
        start = city.streets[0].nodes[0]
        assert driven_from(city.streets, start) == used
        assert driven_from(city.streets, start, backwards=True) == used

    def test_has_all_road_classes_one_way_ramps_and_few_bridges(self, city: City) -> None:
        classes = Counter(street.road_class for street in city.streets)
        assert set(classes) == {
            "trunk", "trunk_link", "primary", "secondary", "tertiary", "residential", "service",
        }  # fmt: skip
        ramps = [street for street in city.streets if street.road_class == "trunk_link"]
        assert len(ramps) >= 16
        assert all(street.oneway for street in ramps)
        assert 3 <= sum(s.bridge and s.name != "内环快速路" for s in city.streets) <= 8

    def test_every_building_stands_within_40_m_of_a_service_street(self, city: City) -> None:
        lanes = []
        for street in city.streets:
            if street.road_class == "service":
                for one, other in zip(street.nodes, street.nodes[1:], strict=False):
                    lanes.append((city.nodes[one], city.nodes[other]))
        for building in city.buildings[::40]:
            lon, lat = building.location
            nearest = min(
                distance_m(
                    building.location,
                    (a[0] + (b[0] - a[0]) * share / 40, a[1] + (b[1] - a[1]) * share / 40),
                )
                for a, b in lanes
                if abs(a[0] - lon) < 0.006 and abs(a[1] - lat) < 0.006
                for share in range(41)
            )
            assert nearest < 40, building

    def test_addresses_are_unique(self, city: City) -> None:
        addresses = Counter(
            (compound.district, compound.name, building.number)
            for compound in city.compounds
            for building in compound.buildings
        )
        assert max(addresses.values()) == 1

    def test_dwellings_of_a_building_are_all_different(self, city: City) -> None:
        building = city.buildings[0]
        dwellings = [building.dwelling(n) for n in range(building.dwellings)]
        assert len(set(dwellings)) == building.units * building.floors * building.rooms_per_floor


class TestWriteOsm:
    @pytest.mark.parametrize("name", ["city.osm", "city.osm.pbf"])
    def test_osrm_extract_accepts_it(self, city: City, tmp_path: Path, name: str) -> None:
        write_osm(city, tmp_path / name)
        extract = [
            str(OSRM / "bin/osrm-extract"),
            "-t",
            "1",
            "-p",
            str(OSRM / "share/profiles/car.lua"),
        ]
        done = subprocess.run([*extract, name], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr + done.stdout[-500:]
        assert (tmp_path / "city.osrm.ebg").stat().st_size > 100_000

    def test_a_city_without_streets_is_refused(self, city: City, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="no streets"):
            write_osm(replace(city, streets=()), tmp_path / "city.osm")
