"""Pure rules of a call-back (DOMAIN transitions 16 and 17)."""

from dataclasses import dataclass
from enum import StrEnum

from app.revisits.errors import RevisitContradicts

MOST_UNREACHED = 3
"""After so many attempts without an answer the order is closed as unreached."""


class Result(StrEnum):
    """What an attempt means for the order."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    TRY_AGAIN = "try-again"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt to reach the customer; `rating` is 1 (bad) to 5 (good)."""

    reached: bool
    solved: bool | None = None
    rating: int | None = None
    comment: str | None = None


def result_of(call: Call, attempt: int) -> Result:
    """What the `attempt`-th call (from 1) means; raises RevisitContradicts."""
    if call.reached:
        if call.solved is None:
            raise RevisitContradicts(why="reached, but `solved` is missing")
        return Result.SOLVED if call.solved else Result.UNSOLVED
    if call.solved is not None or call.rating is not None:
        raise RevisitContradicts(why="not reached, but `solved` or `rating` is given")
    return Result.UNREACHED if attempt >= MOST_UNREACHED else Result.TRY_AGAIN
