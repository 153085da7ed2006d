"""What a leader says at completion; web-free, for routes and for phone commands alike."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.completions.policy import SHARE_STEP, Outcome, ReadingKind, impossible
from app.core.texts import Code, Line, Paragraph, Printable
from app.core.times import PhoneMoment
from app.evidence.declaration import DeclaredIn

Share = Annotated[Decimal, Field(ge=0, le=1, max_digits=5, decimal_places=4)]
Unit = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8), Printable
]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, str_max_length=10_000)


class ReadingIn(_Said):
    """One measured value; impossible ones are refused."""

    kind: ReadingKind
    """R room temperature, T supply or return, P pressure, V voltage, I current or insulation,
    M meter."""
    value: float = Field(allow_inf_nan=False)
    unit: Unit
    """°C; MPa, kPa or bar; V or kV; A, mA or MΩ; kWh, MWh, GJ or m³."""
    room: Line | None = None
    """Required for R."""
    point: Line | None = None
    """Where on the installation: supply, return, phase, meter number."""
    device_no: Line | None = None
    """The instrument's number."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if why := impossible(self.kind, self.value, self.unit):
            raise ValueError(why)
        if self.kind == "R" and self.room is None:
            raise ValueError("a room temperature names its room")
        return self


class PartIn(_Said):
    """A part that was built in."""

    name: Line
    quantity: Decimal = Field(gt=0, le=10_000, decimal_places=3)
    unit: Unit = "件"
    part_no: Line | None = None
    serial_no: Line | None = None


class ShareIn(_Said):
    """A technician's part of the work, an exact decimal in steps of 0.0001."""

    technician_id: UUID
    share: Share


class PermitIn(_Said):
    """The work permit, or the emergency repair sheet that stands for it."""

    number: Line
    closed_at: PhoneMoment


class ContributionIn(_Said):
    """What a member of the crew adds to the record; it replaces nothing that others noted."""

    note: Annotated[Paragraph, StringConstraints(min_length=1)] | None = None
    readings: list[ReadingIn] = Field(default_factory=list, max_length=100)
    parts: list[PartIn] = Field(default_factory=list, max_length=100)
    files: list[DeclaredIn] = Field(default_factory=list, max_length=60)
    """Files that prove the work; the bytes may follow when there is a signal."""
    shares: list[ShareIn] | None = Field(default=None, min_length=1, max_length=50)
    """The split of the leader's record, said again by who agrees to it: another split than the
    usual one passes review only so (DOMAIN 5.4)."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.note or self.readings or self.parts or self.files or self.shares):
            raise ValueError("give note, readings, parts, files or shares")
        if len({each.file_id for each in self.files}) != len(self.files):
            raise ValueError("a file is named twice")
        return self


class CompletionIn(_Said):
    """The completion record (DOMAIN transition 13)."""

    outcome: Outcome
    cause_code: Code
    summary: Annotated[Paragraph, StringConstraints(min_length=1)]
    readings: list[ReadingIn] = Field(default_factory=list, max_length=100)
    parts: list[PartIn] = Field(default_factory=list, max_length=100)
    shares: list[ShareIn] | None = Field(default=None, max_length=50)
    """Every member once, summing to exactly 1; omitted: leader 0.55, helpers 0.45 together."""
    manifest: list[DeclaredIn] = Field(default_factory=list, max_length=60)
    """Every file that proves the work; the bytes may follow when there is a signal."""
    permit: PermitIn | None = None
    """Required where the fault's evidence includes W."""
    signed_by: Line | None = None
    """Who signed, for the customer."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        files = [each.file_id for each in self.manifest]
        people = [each.technician_id for each in self.shares or ()]
        if len(files) != len(set(files)):
            raise ValueError("a file is named twice in the manifest")
        if len(people) != len(set(people)):
            raise ValueError("a technician is named twice in the shares")
        return self


def in_steps(shares: Sequence[tuple[UUID, Decimal]]) -> list[dict[str, str]]:
    """Shares as stored: ids and plain decimal strings."""
    return [
        {"technician_id": str(who), "share": format(share.quantize(SHARE_STEP).normalize(), "f")}
        for who, share in shares
    ]
