"""Cities from elsewhere: a real map, and real complaints."""

import csv
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from app.demo.areas import robust_bounds
from app.demo.city import City
from app.demo.demand import places_from_demand
from app.demo.draw import apportion, draw_by_weight
from app.demo.inputs import build_inputs
from app.demo.map_places import places_from_map
from app.demo.osm_file import write_osm
from tests.demo.test_city import assert_each_building_in_its_area_alone

SHARED = Path(__file__).parents[3] / "shared" / "data"
HEIDELBERG = SHARED / "osm" / "heidelberg.osm.pbf"
COMPLAINTS = SHARED / "demand" / "nyc_heat_complaints_2021.csv"


def write_complaints(path: Path, rows: list[tuple[str, str, float, float, int]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["year", "borough", "zip", "address", "lat", "lon", "complaints"])
        writer.writerows([(2021, b, "10451", a, lat, lon, n) for b, a, lat, lon, n in rows])
    return path


class TestDraws:
    def test_each_place_is_drawn_in_proportion_to_its_weight(self) -> None:
        weights = [1.0, 50.0, 9.0, 40.0]
        drawn = Counter(draw_by_weight(Random(1), weights, 10))
        assert drawn[1] == 5
        assert drawn[3] == 4
        assert drawn[0] + drawn[2] == 1

    def test_weights_below_one_draw_are_met_over_many_seeds(self) -> None:
        drawn = Counter(
            n for seed in range(400) for n in draw_by_weight(Random(seed), [1.0, 2.0, 3.0], 1)
        )
        assert drawn[2] > drawn[1] > drawn[0] > 0

    def test_shares_become_whole_numbers_that_add_up(self) -> None:
        assert apportion(10, [1, 1, 1]) == [4, 3, 3]
        assert sum(apportion(199, [0.3, 7, 12.5, 1.1])) == 199


class TestRobustBounds:
    def test_far_outliers_do_not_stretch_the_box(self) -> None:
        places = [(8.6 + n / 1e4, 49.4 + n / 1e4) for n in range(200)] + [(0.1, 0.1), (90.0, 80.0)]
        assert robust_bounds(places, 0.02)[0] > 8.5
        assert robust_bounds(places, 0.02)[3] < 49.5


class TestPlacesFromMap:
    def test_the_maps_own_buildings_are_used_when_it_has_enough(
        self, city: City, tmp_path: Path
    ) -> None:
        write_osm(city, tmp_path / "lanchuan.osm.pbf")
        copy = places_from_map(tmp_path / "lanchuan.osm.pbf", 300, seed=1)
        known = {(round(b.lon, 5), round(b.lat, 5)) for b in city.buildings}
        assert len(copy.buildings) == 300
        near = [
            (round(b.lon + east / 1e5, 5), round(b.lat + north / 1e5, 5)) in known
            for b in copy.buildings
            for east in (-1, 0, 1)
            for north in (-1, 0, 1)
        ]
        assert sum(near) >= 300
        assert_each_building_in_its_area_alone(copy)

    def test_a_map_without_room_is_refused(self, city: City, tmp_path: Path) -> None:
        write_osm(city, tmp_path / "small.osm")
        with pytest.raises(ValueError, match="room for"):
            places_from_map(tmp_path / "small.osm", 50_000, seed=1)

    @pytest.mark.skipif(not HEIDELBERG.exists(), reason="shared Heidelberg map is absent")
    def test_a_real_map_gives_places_inside_the_town(self) -> None:
        town = places_from_map(HEIDELBERG, 600, seed=1)
        west, south, east, north = town.bounds
        assert 8.5 < west < 8.69 < east < 8.9
        assert 49.3 < south < 49.41 < north < 49.55
        assert len(town.buildings) == 600
        assert_each_building_in_its_area_alone(town)
        assert build_inputs(town, seed=1, orders=200, hours=8).load.utilisation <= 0.85


class TestPlacesFromDemand:
    def test_a_building_that_complains_often_calls_again(self, tmp_path: Path) -> None:
        rows = [("BRONX", f"{n} OAK AVENUE", 40.8 + n / 1e3, -73.9 + n / 2e3, 1) for n in range(99)]
        rows.append(("BRONX", "200 ELM ROAD", 40.85, -73.87, 99))
        file = write_complaints(tmp_path / "calls.csv", rows)
        town = places_from_demand(file, "bronx", 40, seed=1)
        day = build_inputs(town, seed=1, orders=40, hours=4)
        orders = [call for call in day.calls if call.twist != "repeat_call"]
        often = next(b.id for b in town.buildings if b.weight == 99)
        drawn = Counter(call.building_id for call in orders)
        share = 99 / sum(building.weight for building in town.buildings)
        assert drawn[often] == pytest.approx(40 * share, abs=1)
        assert len({(c.unit, c.room) for c in orders if c.building_id == often}) == drawn[often]

    def test_rows_of_one_address_are_added_up(self, tmp_path: Path) -> None:
        rows = [("BRONX", f"{n} OAK AVENUE", 40.8 + n / 1e3, -73.9 + n / 2e3, 1) for n in range(9)]
        rows += [
            ("BRONX", "5  OAK AVENUE", 40.9, -73.9, 6),
            ("QUEENS", "1 FIR LANE", 40.7, -73.8, 5),
        ]
        town = places_from_demand(write_complaints(tmp_path / "c.csv", rows), "BRONX", 5, seed=1)
        weights = {building.number: building.weight for building in town.buildings}
        assert weights == {str(n): 7.0 if n == 5 else 1.0 for n in range(9)}
        assert next(b for b in town.buildings if b.number == "5").location == (-73.9, 40.9)

    def test_an_unknown_area_or_a_wrong_file_is_refused(self, tmp_path: Path) -> None:
        file = write_complaints(tmp_path / "c.csv", [("BRONX", "1 OAK AVENUE", 40.8, -73.9, 1)])
        with pytest.raises(ValueError, match="fewer than 3"):
            places_from_demand(file, "ATLANTIS", 5, seed=1)
        (tmp_path / "wrong.csv").write_text("a,b\n1,2\n", "utf-8")
        with pytest.raises(ValueError, match="lacks the columns"):
            places_from_demand(tmp_path / "wrong.csv", "BRONX", 5, seed=1)

    @pytest.mark.skipif(not COMPLAINTS.exists(), reason="shared complaints file is absent")
    def test_a_real_borough_gives_a_day_of_300_orders(self) -> None:
        town = places_from_demand(COMPLAINTS, "BRONX", 300, seed=1)
        assert_each_building_in_its_area_alone(town)
        day = build_inputs(town, seed=1, orders=300, hours=8)
        drawn = Counter(call.building_id for call in day.calls if call.twist != "repeat_call")
        busiest = max(town.buildings, key=lambda building: building.weight)
        expected = 300 * busiest.weight / sum(building.weight for building in town.buildings)
        assert expected > 2
        assert drawn[busiest.id] == pytest.approx(expected, abs=1)
        assert day.load.utilisation <= 0.85
