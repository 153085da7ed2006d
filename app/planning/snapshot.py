"""What the planner knows at one instant: plain values, no rows, no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from routing import Place


class Facts(NamedTuple):
    """What a plan rests on; an order where one of these changed under the plan is left out."""

    state: str
    assignment_id: UUID | None
    pinned: bool
    preferred_crew_id: UUID | None
    appointment_from: datetime | None
    appointment_to: datetime | None
    service_class: str
    fault_code_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An order as the planner sees it; crews are named by code, as people read the reasons."""

    id: UUID
    serial: str
    station_id: UUID
    facts: Facts
    place: Place
    building: str | None
    service_s: int
    skills: tuple[tuple[str, int], ...]
    crew_size: int
    reported_at: datetime
    arrive_by: datetime | None
    window: tuple[datetime, datetime] | None
    vulnerable: bool
    pinned_crew: str | None = None
    wanted_crew: str | None = None
    """The crew of the published plan, or the one before a hold: another one has a price."""
    move_s: int | None = None
    """That price where it is not `policy.MOVE_S`."""
    forbidden_crews: frozenset[str] = frozenset()
    income: int = 0
    """Points that it brings each person whom it needs, in hundredths."""

    @property
    def service_class(self) -> str:
        return self.facts.service_class


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An order in a crew's hands. `part` marks a joint crew's, which keeps its members busy."""

    job: Job
    state: str
    assigned_at: datetime
    spell_action: str | None
    """What began the current spell on site: arrived, started or rejected."""
    spell_at: datetime | None
    part: bool = False


class Rest(NamedTuple):
    """A break of a shift: so many seconds within a window."""

    opens: datetime
    closes: datetime
    duration_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewNow:
    """A crew that can be planned: on shift, on line, somewhere."""

    id: UUID
    code: str
    station_id: UUID
    place: Place
    shift: tuple[datetime, datetime]
    rests: tuple[Rest, ...]
    skills: Mapping[str, int]
    size: int
    load_s: int
    held: tuple[Held, ...]
    income: int = 0
    """What its members have earned this month on average, in hundredths of points."""
    lent: bool = False
    """A neighbour's crew: its own station's visits come before what it does here."""


class IdleCrew(NamedTuple):
    """A crew that takes no part in this plan, and why: off_shift, offline, silent, no_members,
    no_place."""

    id: UUID
    code: str
    why: str


class Published(NamedTuple):
    """Where the plan in force puts an order."""

    crew_code: str
    position: int
    start_at: datetime


class Elsewhere(NamedTuple):
    """An order of a station outside this plan that one of its crews is going to visit."""

    job: Job
    crew_code: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All of it, read in one transaction at `at` (business time)."""

    station_id: UUID
    at: datetime
    dirty_seqs: Mapping[UUID, int]
    """Station of the subtree -> its `dirty_seq`; the plan is up to date to these."""
    jobs: tuple[Job, ...]
    """Orders that wait for dispatch and may be planned now."""
    beyond: tuple[Job, ...]
    """Orders whose slot opens after the horizon."""
    crews: tuple[CrewNow, ...]
    idle_crews: tuple[IdleCrew, ...]
    published: Mapping[UUID, Published] = field(default_factory=dict)
    elsewhere: tuple[Elsewhere, ...] = ()
    """What other plans have given to these crews: it keeps its place, and is never published."""
    units: Mapping[UUID, str] = field(default_factory=dict)
    """Station of a contractor -> its settlement unit (`lending.foreign`)."""

    @property
    def crew_ids(self) -> dict[str, UUID]:
        """Crew code -> id, of those in the plan."""
        return {crew.code: crew.id for crew in self.crews}

    def at_one_price(self) -> "Snapshot":
        """The same with the objective's own price for every move, near or far."""
        return replace(self, jobs=tuple(replace(job, move_s=None) for job in self.jobs))

    @property
    def danger_waits(self) -> bool:
        """Whether an order of the danger class waits for dispatch."""
        return any(job.service_class == "E1" for job in self.jobs)
