"""The day's inputs: the same for a seed, within the load that the crews can carry."""

import csv
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from app.demo.city import City
from app.demo.csv_files import write_csvs
from app.demo.faults import FAULT_BY_CODE
from app.demo.inputs import Inputs, build_inputs
from app.demo.town import generate_city


@pytest.fixture(scope="module")
def day(city: City) -> Inputs:
    return build_inputs(city, seed=7)


@pytest.fixture(scope="module")
def long_day(city: City) -> Inputs:
    return build_inputs(city, seed=7, orders=200, hours=8)


class TestBuildInputs:
    def test_two_builds_have_the_same_hash(self, day: Inputs) -> None:
        again = build_inputs(generate_city(7), seed=7)
        assert again.inputs_sha256 == day.inputs_sha256
        assert again == day

    def test_seed_orders_and_hours_change_the_hash(self, city: City, day: Inputs) -> None:
        others = [
            build_inputs(city, seed=8),
            build_inputs(city, seed=7, orders=81),
            build_inputs(city, seed=7, hours=5),
        ]
        assert len({day.inputs_sha256, *(other.inputs_sha256 for other in others)}) == 4

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_the_long_day_keeps_within_the_load(self, seed: int) -> None:
        load = build_inputs(generate_city(seed), seed=seed, orders=200, hours=8).load
        assert load.orders == 200
        assert (load.technicians, load.crews) == (45, 30)
        assert 35 <= load.mean_work_min <= 45
        assert 0.70 <= load.utilisation <= 0.85

    def test_more_work_than_thirty_crews_can_do_gets_more_crews(self, city: City) -> None:
        load = build_inputs(city, seed=7, orders=300, hours=8).load
        assert load.crews > 30
        assert load.utilisation <= 0.85

    @pytest.mark.parametrize(("orders", "hours"), [(0, 4.0), (5000, 8.0), (80, 0.1), (80, 25.0)])
    def test_impossible_days_are_refused(self, city: City, orders: int, hours: float) -> None:
        with pytest.raises(ValueError, match="orders within"):
            build_inputs(city, seed=7, orders=orders, hours=hours)


class TestCalls:
    def test_there_are_as_many_orders_as_asked_and_repeats_on_top(self, day: Inputs) -> None:
        repeats = [call for call in day.calls if call.twist == "repeat_call"]
        assert len(day.calls) - len(repeats) == 80
        assert repeats

    def test_a_repeat_follows_its_first_call_at_the_same_premises(self, long_day: Inputs) -> None:
        by_number = {call.number: call for call in long_day.calls}
        for call in long_day.calls:
            if call.twist == "repeat_call":
                assert call.repeats is not None
                first = by_number[call.repeats]
                assert (first.customer_no, first.fault_code) == (call.customer_no, call.fault_code)
                assert first.offset_s < call.offset_s <= first.offset_s + 720
            else:
                assert call.repeats is None

    def test_calls_come_in_time_order_with_the_peak_in_the_first_half(
        self, long_day: Inputs
    ) -> None:
        offsets = [call.offset_s for call in long_day.calls]
        assert offsets == sorted(offsets)
        assert [call.number for call in long_day.calls] == list(range(1, len(offsets) + 1))
        assert offsets[0] < 600
        assert offsets[-1] <= 8 * 3600 * 0.85 + 720
        per_hour = Counter(offset // 3600 for offset in offsets)
        assert max(per_hour[1], per_hour[2]) > 1.2 * per_hour[5]

    def test_every_twist_happens_and_few_orders_stay_open(self, day: Inputs) -> None:
        twists = Counter(call.twist for call in day.calls)
        assert len(twists) == 9
        unclosed = sum(twists[kind] for kind in ("held", "returned", "cancelled", "absent"))
        assert unclosed <= 0.1 * 80

    def test_callers_live_in_different_dwellings(self, long_day: Inputs) -> None:
        homes = Counter((c.building_id, c.unit, c.room) for c in long_day.customers)
        assert max(homes.values()) == 1

    def test_only_bookable_faults_have_a_slot_and_it_lies_ahead(self, long_day: Inputs) -> None:
        for call in long_day.calls:
            bookable = FAULT_BY_CODE[call.fault_code].service_class == "H4"
            assert (call.slot is not None) == bookable
            if call.slot and call.twist != "repeat_call":
                assert call.offset_s + 1800 <= call.slot.start_s
                assert call.slot.end_s == call.slot.start_s + 3600

    def test_readings_answer_the_evidence_letters(self, day: Inputs) -> None:
        for call in day.calls:
            asked = set(FAULT_BY_CODE[call.fault_code].evidence) & set("RTPVIM")
            assert {reading.kind for reading in call.readings} == asked


class TestCrews:
    def test_half_the_crews_are_pairs(self, day: Inputs) -> None:
        assert Counter(crew.size for crew in day.crews) == {1: 15, 2: 15}
        assert [t.username for t in day.technicians][:2] == ["tech01", "tech02"]
        assert len({t.username for t in day.technicians}) == 45

    def test_every_station_can_do_every_fault_but_the_joint_one_alone(self, day: Inputs) -> None:
        stations = {crew.station_code for crew in day.crews}
        assert len(stations) == 3
        for fault in FAULT_BY_CODE.values():
            for station in stations:
                able = [
                    crew
                    for crew in day.crews
                    if crew.station_code == station
                    and all(dict(crew.skill_counts).get(s, 0) >= n for s, n in fault.needs.items())
                ]
                assert bool(able) == (fault.crews_needed == 1), (fault.code, station)

    def test_two_crews_of_one_station_together_can_do_the_joint_order(self, day: Inputs) -> None:
        joint = [call for call in day.calls if call.crews_needed == 2]
        assert [call.fault_code for call in joint] == ["P08"]
        for station in day.city.stations:
            linesmen = sorted(
                dict(crew.skill_counts).get("PL", 0)
                for crew in day.crews
                if crew.station_code == station.code
            )
            assert linesmen[-1] + linesmen[-2] >= 3


class TestWriteCsvs:
    def test_the_columns_are_the_contract(self, day: Inputs, tmp_path: Path) -> None:
        paths = write_csvs(day, tmp_path)
        heads = {kind: path.read_text("utf-8").splitlines()[0] for kind, path in paths.items()}
        assert heads == {
            "customers": "customer_no,name,phone,phone2,station_code,community,district,road,"
            "road_number,building,unit,room,lon,lat,datum,zone,flags,language",
            "technicians": "employee_no,name,username,phone,station_code,crew_code,crew_role,"
            "skills",
            "demand": "called_at,customer_no,caller_name,caller_phone,fault_code,description,flags",
        }

    def test_the_rows_can_be_read_back(self, day: Inputs, tmp_path: Path) -> None:
        rows = {
            kind: list(csv.DictReader(path.read_text("utf-8").splitlines()))
            for kind, path in write_csvs(day, tmp_path).items()
        }
        assert len(rows["customers"]) == len(day.customers)
        assert len(rows["technicians"]) == 45
        assert len(rows["demand"]) == len(day.calls)
        known = {row["customer_no"] for row in rows["customers"]}
        assert {row["customer_no"] for row in rows["demand"]} <= known
        for row in rows["customers"]:
            assert re.fullmatch(r"139\d{8}", row["phone"])
        for row in rows["technicians"]:
            assert re.fullmatch(
                r"[A-Z]+\d?:\d{4}-\d\d-\d\d(\|[A-Z]+\d?:\d{4}-\d\d-\d\d)*", row["skills"]
            )
        first = datetime.fromisoformat(rows["demand"][0]["called_at"])
        assert first.utcoffset() is not None
        assert (first - day.opens_at).total_seconds() == day.calls[0].offset_s
