"""What `paigong demo` can be told. The command line passes these through.

Expected of the command line: `--orders N --hours H --seed S --map FILE --demand FILE --area NAME
--once --report FILE --push-loss 0..1 --sabotage KIND --rate 1..60 --port P`; the exit status is
what `app.demo.run.run_demo` returns: 0, 1 when a threshold was missed, 2 for impossible options.
"""

from dataclasses import dataclass, field
from pathlib import Path

from app.provision.project import PROJECT_ROOT

SABOTAGES = ("drop-event", "edit-state", "double-pay", "lose-file")
FASTEST = 60.0
_REAL_S = 240.0
"""The default morning is over in about five minutes, set-up and late work aside, where the machine
carries that."""
_ORDERS_PER_REAL_S = 0.4
"""What two cores of speed 1 carry with everything on one machine; faster, and the clock outruns the
phones: an acceptance limit of three minutes is three seconds at 60. Crews then lose what they were
about to accept, others are told, and the load grows of itself."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """One demo; `refusal` says what cannot be played."""

    orders: int = 80
    hours: float = 4.0
    """From 07:00; calls come within 85 % of it, and crews work two hours longer."""
    seed: int = 1
    map_file: Path | None = None
    """Real roads (`.osm.pbf` or `.osm`) in place of the generated city."""
    demand_file: Path | None = None
    """Real complaints (CSV) whose addresses become the city; without roads: estimates."""
    area: str | None = None
    """The borough of `demand_file`."""
    once: bool = False
    """End after the summary; exit status 1 when a threshold was missed."""
    report: Path | None = None
    """Where to write the figures as JSON."""
    push_loss: float = 0.0
    """Share of push messages that are lost on the way, 0..1."""
    sabotage: str | None = None
    """Corrupt the finished day; the demo then succeeds only if `verify` finds it."""
    rate: float | None = None
    """Business seconds per real second, at most 60; None: as fast as the machine carries it."""
    shorten: float = 1.0
    """Factor on what driving, working and waiting for a call-back really take; tests shorten."""
    port: int | None = None
    """Of the API on 127.0.0.1; None: 8000, or another that is free."""
    folder: Path = field(default=PROJECT_ROOT / "var" / "demo")
    """Logs, files, map and logins of the demo; emptied at its start."""

    def refusal(self) -> str | None:
        """Why this cannot be played, in one sentence; None when it can."""
        wrong = {
            "choose --map or --demand, not both": self.map_file and self.demand_file,
            "--demand wants --area, the borough whose complaints are drawn": self.demand_file
            and not self.area,
            "--push-loss is a share between 0 and 1": not 0 <= self.push_loss <= 1,
            f"--rate is between 1 and {FASTEST:g}": self.rate is not None
            and not 1 <= self.rate <= FASTEST,
            f"--sabotage is one of {', '.join(SABOTAGES)}": self.sabotage is not None
            and self.sabotage not in SABOTAGES,
        }
        missing = [
            f"there is no file {file}"
            for file in (self.map_file, self.demand_file)
            if file and not file.is_file()
        ]
        found = [why for why, is_wrong in wrong.items() if is_wrong] + missing
        return found[0] if found else None

    def has_roads(self) -> bool:
        """Whether a map is imported; addresses of complaints come without one."""
        return self.demand_file is None

    def clock_rate(self, speed: float = 1.0) -> float:
        """Business seconds per real second on a machine of this speed (`machine.speed`).

        A long or busy day takes its time, and so does a slow machine.
        """
        day_s = self.hours * 3600
        carried = _ORDERS_PER_REAL_S * day_s / self.orders
        fitting = min(FASTEST, day_s / _REAL_S, carried) * min(1.0, speed)
        return self.rate or max(1.0, fitting)
