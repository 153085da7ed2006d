"""What a reviewer is asked to look at twice; pure."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest

from app.evidence import limits
from app.evidence.flags import FLAGS, FlagCode, Shown, Visit, flags_of

ARRIVED = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
DONE = ARRIVED + timedelta(hours=2)
VISIT = Visit("S01-260115-0001", ARRIVED, DONE)
LIMITS = limits.read(None).flags


def shown(**changed: Any) -> Shown:
    plain: dict[str, Any] = {
        "id": uuid4(),
        "sha256": "ab" * 32,
        "kind": "F",
        "source": "camera",
        "captured_at": None,
        "taken_at": None,
        "away_m": None,
        "signature": None,
        "reused_in": [],
    }
    return Shown(**(plain | changed))


def codes(file: Shown, *others: Shown, visit: Visit = VISIT) -> list[FlagCode]:
    return [flag.code for flag in flags_of(file, visit, list(others), LIMITS)]


def at(seconds: float) -> datetime:
    return ARRIVED + timedelta(seconds=seconds)


class TestFlags:
    def test_a_photo_of_the_visit_raises_none(self) -> None:
        file = shown(captured_at=at(600), taken_at=at(590), away_m=40.0)
        assert codes(file, shown(sha256="cd" * 32)) == []

    def test_nothing_known_raises_none(self) -> None:
        nothing = Visit("S01-260115-0001", None, None)
        assert codes(shown(), visit=nothing) == []
        assert codes(shown(taken_at=at(-90_000)), visit=nothing) == []

    @pytest.mark.parametrize(
        ("changed", "code", "facts"),
        [
            ({"away_m": 1000.4}, "taken-far", {"distance_m": 1000, "limit_m": 1000}),
            ({"taken_at": at(-7201)}, "taken-early", {"seconds": 7201, "limit_s": 7200}),
            ({"captured_at": at(-86_400)}, "taken-early", {"seconds": 86_400, "limit_s": 7200}),
            ({"taken_at": at(7200 + 43_201)}, "taken-late", {"seconds": 43_201, "limit_s": 43_200}),
            (
                {"captured_at": at(0), "taken_at": at(301)},
                "clocks-differ",
                {"seconds": 301, "limit_s": 300},
            ),
            ({"source": "gallery"}, "from-gallery", {}),
            ({"reused_in": [UUID(int=7)]}, "reused", {"orders": [str(UUID(int=7))]}),
        ],
    )
    def test_a_difference_is_told_with_what_it_was_measured_from(
        self, changed: dict[str, Any], code: FlagCode, facts: dict[str, Any]
    ) -> None:
        flags = flags_of(shown(**changed), VISIT, [], LIMITS)
        assert [(flag.code, flag.facts) for flag in flags] == [(code, facts)]

    def test_on_the_limit_is_not_beyond_it(self) -> None:
        assert codes(shown(taken_at=at(-7200), away_m=1000.0)) == []
        assert codes(shown(captured_at=at(0), taken_at=at(-300))) == []

    def test_one_file_for_before_and_after_is_told_on_both(self) -> None:
        before, after = shown(kind="B"), shown(kind="F")
        assert codes(before, after) == codes(after, before) == ["shown-twice"]

    def test_strokes_belong_to_this_order_and_to_a_picture(self) -> None:
        said = {"text": "S01-260115-0001 已修复", "picture_sha256": "cd" * 32}
        strokes = shown(kind="G", signature=said)
        assert codes(strokes, shown(kind="G", sha256="cd" * 32)) == []
        assert codes(strokes, shown(kind="F", sha256="cd" * 32)) == ["signature-without-picture"]
        other = shown(kind="G", signature=said | {"text": "S01-260115-0002 已修复"})
        assert codes(other) == ["signed-for-other-order", "signature-without-picture"]

    def test_every_flag_is_explained(self) -> None:
        assert set(FLAGS) == set(get_args(FlagCode))
