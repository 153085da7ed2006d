"""What station chiefs and dispatchers read and decide about phones."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from app.core.texts import Line
from app.mobile.conflicts import Listed
from app.mobile.flags import Flagged
from app.mobile.schemas import ConflictReason
from app.web.wire import Body, Out

FlagKind = Literal[
    "clock_off",
    "clock_jump",
    "zone_changed",
    "back_dated",
    "future_time",
    "instant_accept",
    "arrival_unproved",
    "code_elsewhere",
    "mock_place",
    "commands_lost",
    "sequence_reused",
    "command_broken",
    "command_unreadable",
    "code_unplaced",
]
TakenOver = Literal["note", "readings", "parts", "files"]


class ConflictOut(Out):
    """A command that the state did not allow any more."""

    id: UUID
    command_id: UUID
    order_id: UUID
    order_serial: str
    user_id: UUID
    user_name: str
    device_id: UUID
    crew_id: UUID | None
    """The crew for which the technician acted."""
    kind: str
    """The command's `kind`, as the phone's version said it then."""
    reason: ConflictReason
    said: dict[str, Any]
    """The command as it came, with `client_at` and `corrected_at`."""
    stands: dict[str, Any]
    """`state`, `version`, `crew_id` then, and `event`: who had done what before it came."""
    problem: dict[str, Any]
    raised_at: datetime
    resolution: Literal["apply", "keep", "split"] | None
    resolved_by: UUID | None
    resolved_at: datetime | None
    note: str | None
    result: dict[str, Any] | None

    @classmethod
    def of(cls, listed: Listed) -> Self:
        row = listed.conflict.model_dump(include=set(cls.model_fields))
        return cls(**row, order_serial=listed.order_serial, user_name=listed.user_name)


class ResolutionIn(Body):
    """What becomes of a conflict.

    apply: the command is carried out after all, in its technician's name and at its time; the
    order goes back to that crew, and steps that are missing before it are taken. keep: what stands
    stays. split: `fields` of what was said join the record, the rest does not count.
    """

    resolution: Literal["apply", "keep", "split"]
    fields: list[TakenOver] = Field(default_factory=list, max_length=4)
    note: Line


class FlagOut(Out):
    """A doubt about time, place or order of what a phone said."""

    id: UUID
    kind: FlagKind
    user_id: UUID
    user_name: str
    device_id: UUID
    order_id: UUID | None
    order_serial: str | None
    command_id: UUID | None
    data: dict[str, Any]
    """Times in ISO 8601, `*_s` seconds, `*_m` metres."""
    raised_at: datetime
    seen_by: UUID | None
    seen_at: datetime | None
    note: str | None

    @classmethod
    def of(cls, flagged: Flagged) -> Self:
        row = flagged.flag.model_dump(include=set(cls.model_fields))
        return cls(**row, order_serial=flagged.order_serial, user_name=flagged.user_name)


class SeenIn(Body):
    """What the chief found."""

    note: Line | None = None


class RuleOut(Out):
    """One number about phones."""

    name: str
    value: int
    default: int
    unit: str
    says: str
    changed_at: datetime | None


class RuleIn(Body):
    """A new value, and why."""

    value: int
    reason: Line
