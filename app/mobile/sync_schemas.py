"""What a phone is told: its crews' work, whole or as changes."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from app.core.geo import PlaceOut
from app.evidence.inspection.findings import RejectionCode
from app.web.wire import Out


class BilingualOut(Out):
    """One text in both languages."""

    zh: str
    en: str


class JobFault(Out):
    """What is said to be wrong, and what repairing it takes."""

    code: str
    name: BilingualOut
    service_minutes: int


class JobSafety(Out):
    """What must be confirmed before the start (DOMAIN section 6)."""

    level: int
    guardian_required: bool
    permit_required: bool
    checklist: list[BilingualOut]


class JobAppointment(Out):
    """The slot that was agreed with the customer."""

    starts_at: datetime
    ends_at: datetime


class JobDue(Out):
    """The limits that run."""

    next_at: datetime | None
    """The earliest of them."""
    accept_by: datetime | None
    arrive_by: datetime | None


class JobEta(Out):
    """When the crew is thought to arrive; it is sent again when that moved by over 5 minutes."""

    arrive_at: datetime
    earliest_at: datetime
    """10th percentile."""
    latest_at: datetime
    """90th percentile."""


class RejectedFile(Out):
    """A file that does not count; `why` is a rejection code."""

    file_id: UUID
    kind: str
    why: RejectionCode


class JobEvidence(Out):
    """What must be shown at completion, and what is still to be uploaded."""

    required: list[str]
    """Letters of DOMAIN section 4; A is the check-in itself."""
    state: str
    missing_files: list[UUID]
    """Declared, but not verified yet; send them, also what came with another hash."""
    rejected_files: list[RejectedFile]
    """Came, were opened and not taken: record each again, under a new file id that `replaces` it
    once the record names it."""


class JobOut(Out):
    """One order in the crew's hands, all that the phone needs off line."""

    id: UUID
    serial: str
    state: str
    version: int
    assignment_id: UUID
    crew_id: UUID
    assigned_at: datetime
    accepted_at: datetime | None
    caller_name: str
    caller_phone: str | None
    """Masked where the company wants calls to go through the station; null, and the name
    `***`, for a confidential order."""
    address: str
    unit: str | None
    room: str | None
    place: PlaceOut
    zone: str
    service_class: str
    fault: JobFault
    safety: JobSafety
    evidence: JobEvidence
    description: str
    notes: str
    flags: list[str]
    appointment: JobAppointment | None
    due: JobDue
    eta: JobEta | None
    """Null once the crew is there, and until it is computed."""
    reported_at: datetime
    urges: int
    rework_of: UUID | None
    rejected_because: str | None
    """The reviewer's reason, while the work is to be done again."""


class MemberOut(Out):
    """A member of one of the caller's crews."""

    technician_id: UUID
    name: str
    role: str


class CrewOut(Out):
    """A crew that the caller belongs to now."""

    id: UUID
    code: str
    name: str
    kind: str
    members: list[MemberOut]


class BreakOut(Out):
    """A rest within a shift: somewhere in the window, this long."""

    starts_at: datetime
    ends_at: datetime
    duration_s: int


class ShiftOut(Out):
    """When a crew of the caller's works; those that end within the next 36 hours or run now."""

    crew_id: UUID
    starts_at: datetime
    ends_at: datetime
    breaks: list[BreakOut]


class NoticeOut(Out):
    """Something to show until it is no longer told."""

    id: UUID
    kind: Literal["evidence_incomplete", "conflict", "conflict_resolved", "commands_missing"]
    order_id: UUID | None
    at: datetime
    text: BilingualOut
    data: dict[str, Any]
    """evidence_incomplete: `missing_files`, and `rejected_files` to take anew. conflict,
    conflict_resolved: `conflict_id`, `command_id`, `reason`, `resolution`. commands_missing:
    `commands`."""


class CatalogueFault(Out):
    """A fault that a technician may meet."""

    code: str
    name: BilingualOut
    domain: str
    safety_level: int
    evidence: list[str]
    """Letters that a repair must show."""


class CatalogueCause(Out):
    """Why it was wrong; a completion record names one."""

    code: str
    name: BilingualOut


class EvidenceLetter(Out):
    """What a letter asks for: a file of one of the media types, or a typed reading."""

    letter: str
    name: BilingualOut
    media_types: list[str]
    reading_units: list[str]
    """Empty for a letter that only a file shows."""


class OutcomeRule(Out):
    """Which letters of the fault's set an outcome still has to show."""

    outcome: str
    letters: list[str]


class CatalogueOut(Out):
    """The catalogue in force; a job carries what it needs of the version it was taken in with."""

    version: int
    service_profile_id: UUID
    faults: list[CatalogueFault]
    causes: list[CatalogueCause]
    letters: list[EvidenceLetter]
    outcomes: list[OutcomeRule]


class PhoneRulesOut(Out):
    """Numbers of the company that a phone goes by off line."""

    geofence_m: dict[str, int]
    """Zone -> metres around the order's place."""
    worst_accuracy_m: int
    """A position that is less sure proves no arrival."""
    sync_every_s: int
    """How often to sync when nothing wakes the phone."""


class DeviceOut(Out):
    """What the server knows of this installation."""

    id: UUID
    last_seq: int
    """The next command has the next number: a phone that lost its count goes on from here."""
    skew_ms: int | None
    """Device clock minus the server's, as last measured."""


class SyncOut(Out):
    """The working set, or what changed in it since the cursor.

    What is absent of `crews` to `device` is as the phone has it.
    """

    mode: Literal["full", "changes"]
    """`full`: replace all jobs; `changes`: put `jobs`, remove `gone`."""
    cursor: str
    """For the next sync; keep it with the data that came with it. It is also the `ETag`."""
    settling: bool
    """A change for you is committed but not readable yet: sync again in a moment."""
    more: bool
    """Ask again at once: the change list was longer than one answer, or an alarm rings until the
    phone shows, by coming back with this cursor, that it has what it was told."""
    server_time: datetime
    jobs: list[JobOut]
    gone: list[UUID]
    """Orders that are no work of the caller's crews any more."""
    crews: list[CrewOut] | None = None
    shifts: list[ShiftOut] | None = None
    notices: list[NoticeOut] | None = None
    catalogue: CatalogueOut | None = None
    rules: PhoneRulesOut | None = None
    device: DeviceOut | None = None
