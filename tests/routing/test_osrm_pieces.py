from typing import Any

import pytest

from routing import ROAD_CLASSES, RoadClass
from routing.osrm_pieces import class_seconds


def step(line: list[list[float]], *crossings: tuple[list[float], list[str]]) -> dict[str, Any]:
    return {
        "geometry": {"coordinates": line},
        "intersections": [
            {"location": at, **({"classes": names} if names else {})} for at, names in crossings
        ],
    }


def leg(seconds: float, pieces: list[float], *steps: dict[str, Any]) -> dict[str, Any]:
    arrival = step([[9.0, 9.0], [9.0, 9.0]], ([9.0, 9.0], []))
    return {"duration": seconds, "annotation": {"duration": pieces}, "steps": [*steps, arrival]}


A, B, C, D = [1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [4.0, 1.0]


class TestClassSeconds:
    def test_changes_the_class_where_roads_meet_and_spreads_the_turns(self) -> None:
        found = class_seconds(
            leg(
                80,
                [10, 20, 10],
                step([A, B, C], (A, ["primary"]), (B, ["service"])),
                step([C, D], (C, ["primary"])),
            )
        )
        assert found is not None
        by_class = dict(zip(ROAD_CLASSES, found, strict=True))
        assert by_class[RoadClass.PRIMARY] == pytest.approx(40)
        assert by_class[RoadClass.SERVICE] == pytest.approx(40)

    def test_a_start_a_metre_off_its_line_still_has_its_class(self) -> None:
        found = class_seconds(leg(30, [30], step([A, B], ([1.00001, 1.0], ["primary"]))))
        assert found is not None and sum(found) == pytest.approx(30)

    def test_a_step_never_carries_on_the_class_before_it(self) -> None:
        one, two = step([A, B], (A, ["primary"])), step([B, C], ([2.00001, 1.0], ["service"]))
        found = class_seconds(leg(20, [10, 10], one, two))
        assert found is not None
        assert found[ROAD_CLASSES.index(RoadClass.SERVICE)] == pytest.approx(10)

    def test_a_map_without_classes_tells_nothing(self) -> None:
        assert class_seconds(leg(30, [30], step([A, B], (A, [])))) is None

    def test_a_drive_of_no_length_takes_no_time(self) -> None:
        assert class_seconds(leg(0, [0], step([A, A], (A, ["service"])))) == (0.0,) * 7
