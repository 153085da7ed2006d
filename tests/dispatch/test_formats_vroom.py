"""VROOM's JSON: meanings carried over, answers in its shape, and nothing ignored in silence."""

import copy
import itertools
import json
from typing import Any

import pytest

from dispatch import Budget, Plan, ProblemRefused, check, solve
from dispatch.formats import VroomProblem, read_vroom, write_vroom


def given(**root: Any) -> dict[str, Any]:
    """Four places in a row, 100 s apart; one vehicle from place 0 and back, two jobs."""
    durations = [[abs(a - b) * 100 for b in range(4)] for a in range(4)]
    vehicle = {"id": 7, "start_index": 0, "end_index": 0, "time_window": [0, 10_000]}
    jobs = [
        {"id": 1, "location_index": 1, "service": 300, "description": "boiler"},
        {"id": 2, "location_index": 2, "service": 60},
    ]
    base = {"jobs": jobs, "vehicles": [vehicle], "matrices": {"car": {"durations": durations}}}
    return copy.deepcopy(base | root)


def answered(question: dict[str, Any]) -> tuple[VroomProblem, Plan, dict[str, Any]]:
    read = read_vroom(question)
    plan = solve(read.problem, Budget(seconds=0.2))
    assert check(read.problem, plan) == []
    return read, plan, write_vroom(read, plan, {"loading": 1, "solving": 2})


def route_of(answer: dict[str, Any]) -> dict[str, Any]:
    assert len(answer["routes"]) == 1
    route: dict[str, Any] = answer["routes"][0]
    return route


def add_up(route: dict[str, Any]) -> None:
    """Each step begins when the one before is over and the drive is done; the sums are right."""
    steps = route["steps"]
    for one, two in itertools.pairwise(steps):
        over = one["arrival"] + one["waiting_time"] + one["setup"] + one["service"]
        assert two["arrival"] == over + two["duration"] - one["duration"]
        assert two["waiting_time"] >= 0
    for name in ("setup", "service", "waiting_time"):
        assert route[name] == sum(step[name] for step in steps)
    assert route["duration"] == route["cost"] == steps[-1]["duration"]


def test_answer_has_vrooms_shape() -> None:
    _, _, answer = answered(given())
    assert answer["code"] == 0
    assert answer["unassigned"] == []
    route = route_of(answer)
    assert route["vehicle"] == 7
    assert [step["type"] for step in route["steps"]] == ["start", "job", "job", "end"]
    assert {step.get("id") for step in route["steps"]} == {None, 1, 2}
    assert answer["summary"]["cost"] == answer["summary"]["duration"] == 400
    assert answer["summary"]["service"] == 360
    assert answer["summary"]["routes"] == 1
    boiler = next(step for step in route["steps"] if step.get("id") == 1)
    assert boiler["description"] == "boiler"
    add_up(route)
    json.dumps(answer)


@pytest.mark.parametrize(("places", "setup_s"), [((2, 2), 50), ((0,), 0), ((1, 2), 100)])
def test_setup_is_paid_once_per_location_and_not_at_the_start(
    places: tuple[int, ...], setup_s: int
) -> None:
    jobs = [
        {"id": n, "location_index": place, "service": 10, "setup": 50}
        for n, place in enumerate(places)
    ]
    _, _, answer = answered(given(jobs=jobs))
    assert answer["summary"]["setup"] == setup_s
    add_up(route_of(answer))


def test_window_holds_the_start_of_the_task_with_its_setup() -> None:
    jobs = [{"id": 1, "location_index": 1, "setup": 40, "time_windows": [[500, 510]]}]
    _, _, answer = answered(given(jobs=jobs))
    step = route_of(answer)["steps"][1]
    assert step["arrival"] + step["waiting_time"] in range(500, 511)


def test_shared_location_narrows_the_window_and_says_so() -> None:
    job = {"location_index": 1, "setup": 40, "time_windows": [[500, 600]]}
    read, _, answer = answered(given(jobs=[{"id": 1, **job}, {"id": 2, **job}]))
    assert any("jobs 1, 2 share a location" in note for note in read.notes)
    for step in route_of(answer)["steps"][1:-1]:
        assert step["arrival"] + step["waiting_time"] in range(500, 601)
    short = given(jobs=[{"id": 1, **job, "time_windows": [[500, 530]]}, {"id": 2, **job}])
    with pytest.raises(ProblemRefused, match="window_too_short_for_setup"):
        read_vroom(short)


def test_break_lies_between_its_neighbours() -> None:
    question = given()
    question["vehicles"][0]["breaks"] = [{"id": 9, "time_windows": [[50, 60]], "service": 500}]
    _, _, answer = answered(question)
    route = route_of(answer)
    assert [step["type"] for step in route["steps"]][:2] == ["start", "break"]
    rest = route["steps"][1]
    assert rest["id"] == 9
    assert rest["arrival"] + rest["waiting_time"] in range(50, 61)
    assert rest["service"] == 500
    add_up(route)


def test_priority_comes_first_then_the_number_of_jobs() -> None:
    far = {"id": 1, "location_index": 3, "service": 100, "priority": 1}
    near = [{"id": n, "location_index": 1, "service": 150} for n in (2, 3, 4)]
    question = given(jobs=[far, *near])
    question["vehicles"][0]["time_window"] = [0, 700]
    _, _, answer = answered(question)
    assert [each["id"] for each in answer["unassigned"]] != []
    assert 1 not in [each["id"] for each in answer["unassigned"]]
    assert answer["summary"]["priority"] == 1
    del far["priority"]
    question["jobs"][0] = far
    _, _, answer = answered(question)
    assert [each["id"] for each in answer["unassigned"]] == [1]
    assert answer["unassigned"][0]["reason"] != ""


def test_every_priority_keeps_its_rank_within_the_price_limit() -> None:
    jobs = [{"id": n, "location_index": n % 4, "priority": 100 * n // 1999} for n in range(2000)]
    orders = read_vroom(given(jobs=jobs)).problem.orders
    prices = {}
    for job, order in zip(jobs, orders, strict=True):
        prices.setdefault(job["priority"], set()).add(order.priority_penalty)
    ranked = [min(prices[priority]) for priority in sorted(prices)]
    assert all(len(values) == 1 for values in prices.values())
    assert ranked == sorted(set(ranked))
    assert ranked[0] > 2 * 300  # more than the longest way there and back


def test_skills_and_a_vehicle_without_start_or_end() -> None:
    question = given()
    question["jobs"][0]["skills"] = [5]
    question["vehicles"] = [
        {"id": 1, "start_index": 3, "skills": [4]},
        {"id": 2, "end_index": 1, "skills": [5, 6]},
    ]
    _, _, answer = answered(question)
    assert answer["summary"]["unassigned"] == 0
    assert answer["summary"]["cost"] == 100  # one way: 3 to 2, or 2 to 1
    for route in answer["routes"]:
        add_up(route)
        assert route["vehicle"] == 2 or 1 not in [step.get("id") for step in route["steps"]]


def test_unix_times_come_back_as_they_were() -> None:
    noon = 1_768_190_400
    question = given()
    question["vehicles"][0]["time_window"] = [noon, noon + 10_000]
    question["jobs"][0]["time_windows"] = [[noon + 3000, noon + 4_000_000_000]]
    read, _, answer = answered(question)
    assert read.zero_s == noon
    steps = route_of(answer)["steps"]
    assert steps[0]["arrival"] == noon
    boiler = next(step for step in steps if step.get("id") == 1)
    assert boiler["arrival"] + boiler["waiting_time"] >= noon + 3000
    del question["vehicles"][0]["time_window"]
    with pytest.raises(ProblemRefused, match="vehicle 7 has no time_window"):
        read_vroom(question)


def test_distances_are_summed_along_the_route() -> None:
    question = given()
    question["matrices"]["car"]["distances"] = [
        [abs(a - b) * 7 for b in range(4)] for a in range(4)
    ]
    _, _, answer = answered(question)
    assert answer["summary"]["distance"] == 4 * 7
    assert route_of(answer)["steps"][-1]["distance"] == 4 * 7


def test_steps_are_a_warm_start() -> None:
    question = given()
    steps = [{"type": "start"}, {"type": "job", "id": 2}, {"type": "job", "id": 1}]
    question["vehicles"][0]["steps"] = steps
    assert read_vroom(question).warm_start == {"7": ["2", "1"]}
    steps[1]["id"] = 99
    with pytest.raises(ProblemRefused, match="job 99"):
        read_vroom(question)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("root", {"shipments": [{"pickup": {}, "delivery": {}}]}, "shipments"),
    ("root", {"jobz": []}, "jobz"),
    ("root", {"options": {"g": True}}, "g"),
    ("job", {"delivery": [1]}, "delivery"),
    ("job", {"pickup": [0, 2]}, "pickup"),
    ("job", {"amount": [3]}, "amount"),
    ("job", {"time_windows": [[0, 1], [5, 9]]}, "time_windows"),
    ("job", {"service_per_type": {"van": 3}}, "service_per_type"),
    ("job", {"setup_per_type": {"van": 3}}, "setup_per_type"),
    ("job", {"priority": 101}, "priority"),
    ("job", {"location_index": None, "location": [8.6, 49.4]}, "no router is asked"),
    ("vehicle", {"max_tasks": 1}, "max_tasks"),
    ("vehicle", {"max_travel_time": 9_999}, "max_travel_time"),
    ("vehicle", {"max_travel_time": 0}, "max_travel_time"),
    ("vehicle", {"max_distance": 0}, "max_distance"),
    ("vehicle", {"speed_factor": 1.2}, "speed_factor"),
    ("vehicle", {"costs": {"fixed": 100}}, "costs"),
    ("vehicle", {"type": "van"}, "type"),
    ("vehicle", {"profile": "bike"}, "bike"),
    ("vehicle", {"start_index": None, "end_index": None}, "start_index or end_index"),
    ("vehicle", {"breaks": [{"id": 1, "service": 0}]}, "service 0"),
    ("vehicle", {"breaks": [{"id": 1, "service": 9, "max_load": [1]}]}, "max_load"),
    ("vehicle", {"steps": [{"type": "job", "id": 1, "service_at": 5}]}, "service_at"),
    ("vehicle", {"steps": [{"type": "pickup", "id": 1}]}, "pickup"),
    ("matrix", {"costs": [[1]]}, "costs"),
    ("matrix", {"durations": [[0, 1]]}, "durations"),
    ("matrix", {"durations": [[0, 0.5], [1, 0]]}, "durations"),
]


@pytest.mark.parametrize(("where", "fields", "named"), REFUSED)
def test_what_is_not_served_is_refused_by_name(
    where: str, fields: dict[str, Any], named: str
) -> None:
    question = given()
    spots = {
        "root": question,
        "job": question["jobs"][0],
        "vehicle": question["vehicles"][0],
        "matrix": question["matrices"]["car"],
    }
    spots[where].update(fields)
    with pytest.raises(ProblemRefused) as refused:
        read_vroom(question)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tasks": 2, "max_travel_time": 10_000, "speed_factor": 1.0, "capacity": [4]},
        {"costs": {"fixed": 0, "per_hour": 3600}, "profile": "car", "breaks": [], "steps": []},
    ],
)
def test_what_asks_for_nothing_is_served(fields: dict[str, Any]) -> None:
    question = given()
    question["vehicles"][0].update(fields)
    question["jobs"][0].update({"delivery": [0], "pickup": [], "skills": []})
    _, _, answer = answered(question)
    assert answer["summary"]["unassigned"] == 0


def test_two_profiles_are_refused() -> None:
    question = given()
    question["vehicles"].append({"id": 8, "start_index": 1, "profile": "bike"})
    with pytest.raises(ProblemRefused, match="profiles bike, car"):
        read_vroom(question)


def test_places_for_drawing_are_true_to_shape() -> None:
    question = given()
    assert read_vroom(question).places() is None
    for job in question["jobs"]:
        job["location"] = [8.0 + job["location_index"], 60.0]
    question["vehicles"][0].update(start=[8.0, 60.0], end=[8.0, 60.0])
    places = read_vroom(question).places()
    assert places is not None
    assert places[1][0] - places[0][0] == pytest.approx(0.5)  # half as wide at 60 degrees north
    assert places[2][1] == 60.0
