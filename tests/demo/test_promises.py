"""What the service promised of arrivals against what the clock said."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.demo.promises import Promise, arrival_after, promise_figures

NOON = datetime(2027, 1, 13, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def promise(order_id: str = "a", source: str = "osrm") -> Promise:
    told = {
        "order_id": order_id,
        "arrive_at": at(10).isoformat(),
        "earliest_at": at(7).isoformat(),
        "latest_at": at(13).isoformat(),
        "source": source,
    }
    return Promise.of(told, at(0))


def event(action: str, minutes: float) -> dict[str, Any]:
    return {"action": action, "at": at(minutes).isoformat()}


def test_the_first_arrival_after_the_question_counts() -> None:
    events = [event("departed", -20), event("arrived", -12), event("departed", -1)]
    assert arrival_after(promise(), events) is None
    assert arrival_after(promise(), [*events, event("noted", 2), event("arrived", 9)]) == at(9)


def test_an_arrival_of_another_departure_was_never_promised() -> None:
    events = [event("departed", -1), event("resent", 3), event("departed", 30)]
    assert arrival_after(promise(), [*events, event("arrived", 40)]) is None


def test_figures_say_how_far_and_how_often_inside() -> None:
    events = {
        "a": [event("arrived", 8)],
        "b": [event("arrived", 11)],
        "c": [event("arrived", 18)],
        "d": [event("cancelled", 5)],
    }
    told = [promise("a"), promise("b", "estimate"), promise("c"), promise("d"), promise("gone")]
    figures = promise_figures(told, events)
    assert figures == {
        "asked": 5,
        "arrived": 3,
        "median_abs_error_min": 2.0,
        "mean_abs_error_min": 3.67,
        "median_late_min": 1.0,
        "inside_spread_share": 0.6667,
        "spread_promises": 0.8,
        "from_roads_share": 0.6667,
    }


def test_without_arrivals_nothing_is_claimed() -> None:
    assert promise_figures([promise()], {}) == {"asked": 1, "arrived": 0}
