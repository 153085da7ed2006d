"""How much work the day holds against how much the crews can give."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """Planned load of a day, in crew-minutes; joint work counts for every crew on it."""

    orders: int
    crews: int
    technicians: int
    mean_work_min: float
    work_min: float
    travel_min: float
    available_min: float
    utilisation: float
    """(work + travel) / available, breaks taken off."""
