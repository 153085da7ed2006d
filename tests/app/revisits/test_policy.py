"""What an attempt means."""

import pytest

from app.revisits.errors import RevisitContradicts
from app.revisits.policy import Call, Result, result_of


@pytest.mark.parametrize(
    ("call", "attempt", "result"),
    [
        (Call(True, True, 5), 1, Result.SOLVED),
        (Call(True, True), 3, Result.SOLVED),
        (Call(True, False, 1, "还是不热"), 1, Result.UNSOLVED),
        (Call(True, False), 3, Result.UNSOLVED),
        (Call(False), 1, Result.TRY_AGAIN),
        (Call(False), 2, Result.TRY_AGAIN),
        (Call(False, comment="无人接听"), 3, Result.UNREACHED),
    ],
)
def test_an_attempt_means(call: Call, attempt: int, result: Result) -> None:
    assert result_of(call, attempt) is result


@pytest.mark.parametrize(
    "call", [Call(True), Call(True, None, 4), Call(False, True), Call(False, None, 3)]
)
def test_a_contradiction_is_refused(call: Call) -> None:
    with pytest.raises(RevisitContradicts):
        result_of(call, 1)
