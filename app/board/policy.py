"""What counts as keeping a clock, pure: which action fulfils it, and when a promise is kept.

The unit is one run of one clock (a span), told by the period in which its order was reported. A
run that its own action ended is fulfilled; one that something else ended (a hold, a withdrawal, a
cancellation) is left out, unless it was late by then: giving up late is late. A run that is still
going counts as late once it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FULFILS: dict[str, tuple[str, ...]] = {
    "K1": ("sent",),
    "K2": ("accepted",),
    "K3": ("contacted", "arrived"),
    "K4": ("arrived",),
    "K5": ("restored", "completed"),
    "K6": ("completed", "solved_by_phone"),
    "K7": ("passed", "rejected"),
    "K8": ("closed", "reworked"),
    "SAFE": ("made_safe", "completed"),
}
CLOCKS = tuple(FULFILS)
DIMENSIONS = ("period", "station", "service_class")


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of some runs, in net or in gross time."""

    mean_s: int | None
    p50_s: int | None
    p90_s: int | None
    within: int
    late: int

    @property
    def share(self) -> float | None:
        """The part within the limit of those that are decided; None when none is."""
        decided = self.within + self.late
        return round(self.within / decided, 4) if decided else None


@dataclass(frozen=True, slots=True)
class Promise:
    """One limit under which some of the runs fall."""

    kind: str
    limit_s: int
    n: int
    net: Tally
    gross: Tally

    def kept(self, tally: Tally) -> bool | None:
        """An average is kept when the mean is, a cap when nothing is late; None without runs.

        An average says nothing of runs that have not ended: those late show in `late`.
        """
        if self.kind == "average":
            return None if tally.mean_s is None else tally.mean_s <= self.limit_s
        return tally.late == 0 if tally.within + tally.late else None


@dataclass(frozen=True, slots=True)
class Figure:
    """One clock's service level of a period, station and class; None stands for all of them."""

    period: str | None
    station_id: str | None
    service_class: str | None
    clock: str
    n: int
    net: Tally
    gross: Tally
    running: int
    left_out: int
    promises: Sequence[Promise]
