"""The one error that `dispatch` raises about its input."""

from __future__ import annotations

LONGEST_S = 100_000_000
"""No time or price in a problem may reach this many seconds (a little over three years)."""


class ProblemRefused(ValueError):
    """The problem is nonsense: a stable `code`, the `cause`, and the `action` that mends it."""

    def __init__(self, code: str, cause: str, action: str) -> None:
        super().__init__(f"{code}: {cause} {action}")
        self.code = code
        self.cause = cause
        self.action = action

    def __reduce__(self) -> tuple[type[ProblemRefused], tuple[str, str, str]]:
        return (ProblemRefused, (self.code, self.cause, self.action))


def demand(holds: bool, code: str, cause: str, action: str) -> None:
    """Raise `ProblemRefused` unless the rule holds."""
    if not holds:
        raise ProblemRefused(code, cause, action)


def demand_seconds(owner: str, **values: int | None) -> None:
    """Refuse a value that is no whole number of seconds in 0..LONGEST_S; None is let through."""
    for name, value in values.items():
        if value is None:
            continue
        whole = isinstance(value, int) and not isinstance(value, bool)
        demand(
            whole,
            "not_whole_seconds",
            f"{owner}: {name} is {value!r}.",
            "Give whole seconds as a plain int.",
        )
        demand(
            0 <= value < LONGEST_S,
            "seconds_out_of_range",
            f"{owner}: {name} is {value}.",
            f"Count from the problem's time zero: 0 up to {LONGEST_S - 1}.",
        )
