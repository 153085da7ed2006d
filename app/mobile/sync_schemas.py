"""What a phone is told: its crews' work, whole or as changes."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from app.core.geo import PlaceOut
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


class JobEvidence(Out):
    """What must be shown at completion, and what is still to be uploaded."""

    required: list[str]
    """Letters of DOMAIN section 4; A is the check-in itself."""
    state: str
    missing_files: list[UUID]
    """Declared, but not verified yet."""


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


class CatalogueOut(Out):
    """The versions in force: a phone with others reads the catalogue again."""

    version: int
    service_profile_id: UUID


class SyncOut(Out):
    """The working set, or what changed in it since the cursor."""

    mode: Literal["full", "changes"]
    """`full`: replace everything; `changes`: put `jobs`, remove `gone`."""
    cursor: str
    """For the next sync; keep it with the data that came with it."""
    settling: bool
    """A change for you is committed but not readable yet: sync again in a moment."""
    more: bool
    """Ask again at once: the change list was longer than one answer."""
    server_time: datetime
    jobs: list[JobOut]
    gone: list[UUID]
    """Orders that are no work of the caller's crews any more."""
    crews: list[CrewOut]
    catalogue: CatalogueOut
