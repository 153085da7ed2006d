"""What the summary tells of driving and learning."""

from app.demo.mileage import learning_said
from app.demo.planning import routing_figures


def test_the_sentence_of_the_learning_is_found_though_its_line_was_folded() -> None:
    log = (
        "INFO starts\n212 drives, error 95 s before and 71 s after: the next import-map is\nbuilt\n"
    )
    assert learning_said(log) == (
        "212 drives, error 95 s before and 71 s after: the next import-map is built"
    )
    assert learning_said("40 drives: too few\n") == "40 drives: too few"
    assert learning_said("Traceback ...\nOSError\n") is None


def test_legs_are_told_by_source_and_by_map_and_hour() -> None:
    def run(hour: str, osrm: int, estimate: int) -> dict[str, object]:
        legs = {"osrm": osrm, "estimate": estimate, "unreachable": 0}
        return {"graph_version": "v1", "hour_bucket": hour, "legs": legs}

    figures = routing_figures([run("day", 5, 1), run("day", 3, 0), run("night", 0, 0)])
    assert figures == {
        "sources": {"osrm": 0.8889, "estimate": 0.1111, "unreachable": 0.0},
        "legs": 9,
        "by_map_and_hour": {"v1 day": {"osrm": 8, "estimate": 1}},
    }
