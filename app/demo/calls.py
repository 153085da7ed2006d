"""The stream of calls of one day, each with what is meant to happen to it."""

from dataclasses import dataclass
from typing import Literal

Twist = Literal[
    "normal",
    "refused_first",
    "held",
    "returned",
    "cancelled",
    "reassigned",
    "rework",
    "absent",
    "repeat_call",
]


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value of the evidence set: letter of DOMAIN 4, value, unit, where."""

    kind: str
    value: float
    unit: str
    point: str


@dataclass(frozen=True, slots=True)
class Slot:
    """An agreed appointment, in seconds after opening."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call at the call centre and the truth behind it, which the service does not know."""

    number: int
    offset_s: int
    customer_no: str
    caller_name: str
    caller_phone: str
    building_id: str
    unit: str
    room: str
    fault_code: str
    description: str
    flags: tuple[str, ...]
    slot: Slot | None
    """Only for service class H4."""
    twist: Twist
    twist_reason: str
    """Why it is refused, held, ...: Chinese, as people would type it; empty when normal."""
    repeats: int | None
    """For `repeat_call`: the number of the call that is still open at the same premises."""
    crews_needed: int
    work_s: int
    """True time from start to done on site."""
    readings: tuple[Reading, ...]
    cause_code: str
    rating: int
    """1-5, given at the call-back; 1-2 when the work is not solved."""
    solved: bool
    reached: bool
    """Whether the call-back gets through."""
