"""The catalogue on the wire."""

from datetime import date
from decimal import Decimal

from app.web.wire import Out


class SkillNeedOut(Out):
    """So many members of the crew must hold this skill."""

    skill: str
    count: int


class FaultOut(Out):
    """What can be wrong, and what repairing it takes."""

    code: str
    name_zh: str
    name_en: str
    domain: str
    """heat or power."""
    fault_group: str
    """An open order of the same group at the same premises is the same trouble."""
    service_minutes: int
    skills: list[SkillNeedOut]
    crew_size: int
    safety_level: int
    """1 alone; 2 alone with a checklist; 3 two persons and a guardian; 4 also a permit."""
    owner: str
    """U the user's side, N the network, S shared, - neither."""
    evidence: str
    """Letters of what must be shown, besides A (check-in) and F (photo after)."""
    service_class: str
    points: Decimal


class FaultsOut(Out):
    """The catalogue in force."""

    version: int
    items: list[FaultOut]


class CauseOut(Out):
    """Why it was wrong."""

    code: str
    name_zh: str
    name_en: str


class CausesOut(Out):
    """The causes in force."""

    version: int
    items: list[CauseOut]


class LimitOut(Out):
    """One limit of a profile."""

    service_class: str
    domain: str
    zone: str
    clock: str
    """K1 to K8, SAFE (made safe), SLOT (tolerance around an appointment)."""
    limit_s: int
    """Seconds."""
    kind: str
    """cap: each order; average: the mean of all."""
    calendar: str
    """always: every day uses it up; working_days: working days do, each for 24 hours."""
    source: str
    """Where the figure comes from."""


class ServiceProfileOut(Out):
    """A named, dated set of limits: a lead to check against the current text, not law."""

    name: str
    effective_from: date
    """In force from this local date."""
    source: str
    note: str
    current: bool
    reference: bool
    """Something published to compare with; orders are never taken under it."""
    limits: list[LimitOut]
