"""How long a search may go on."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.refused import demand


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long the search may go on: `seconds` always, and what else is given.

    With `iterations` (rounds of the search) and ample seconds the answer depends on the seed alone;
    `solutions` ends either engine after so many improvements.
    """

    seconds: float
    solutions: int | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        demand(
            0 < self.seconds <= 3600
            and (self.solutions is None or self.solutions > 0)
            and (self.iterations is None or self.iterations > 0),
            "budget_out_of_range",
            f"The budget is {self.seconds} s, {self.solutions} solutions and "
            f"{self.iterations} iterations.",
            "Give 0 < seconds <= 3600, and positive numbers or None.",
        )
