"""What the technicians measure: believable values for each letter of the evidence set."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value after the work: evidence letter of DOMAIN 4, value, unit, where."""

    kind: str
    value: float
    unit: str
    point: str


_RANGES: dict[str, tuple[tuple[float, float, int, str, str], ...]] = {
    "R": ((18.2, 22.0, 1, "°C", "客厅"), (18.0, 21.5, 1, "°C", "主卧")),
    "T": ((44.0, 52.0, 1, "°C", "供水"), (35.0, 41.0, 1, "°C", "回水")),
    "P": ((0.28, 0.42, 2, "MPa", "入户"),),
    "V": ((221.0, 236.0, 1, "V", "表后"),),
    "I": ((1.5, 18.0, 1, "A", "进线"),),
    "M": ((1200.0, 9800.0, 1, "kWh", "计量表"),),
}


def measured(random: Random, evidence: str) -> tuple[Reading, ...]:
    """One reading per measuring point that the evidence letters ask for, within limits."""
    return tuple(
        Reading(kind, round(random.uniform(low, high), digits), unit, point)
        for kind in evidence
        for low, high, digits, unit, point in _RANGES.get(kind, ())
    )
