"""What clients say and read about evidence files."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.evidence.models import EvidenceFile
from app.evidence.policy import FileKind, MediaType
from app.web.wire import Body, Out

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileState = Literal["declared", "receiving", "verified", "rejected"]
EvidenceState = Literal["none", "incomplete", "complete"]


class DeclaredIn(Body):
    """One file as the phone holds it; the bytes may follow later, or have come before."""

    file_id: UUID
    """Made by the phone; a retry carries the same one."""
    kind: FileKind
    """What the file shows: B before, F after, G signature, C video, W permit, X quote; the
    letter of a reading for a photo of the instrument; A for a photo at a failed check-in."""
    media_type: MediaType
    size_bytes: int = Field(ge=1, le=2**40)
    sha256: Sha256
    """Lower-case hex of the whole file."""
    captured_at: AwareDatetime | None = None


class UploadMetadata(BaseModel):
    """`Upload-Metadata` of a tus creation; other keys (e.g. `filename`) are ignored."""

    model_config = ConfigDict(extra="ignore")

    order_id: UUID
    file_id: UUID
    kind: FileKind
    sha256: Sha256
    filetype: MediaType
    captured_at: AwareDatetime | None = None


class EvidenceOut(Out):
    """A file and how far it has come."""

    id: UUID
    order_id: UUID
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    state: FileState
    received_bytes: int
    in_manifest: bool
    """Named by the current completion record; others came in advance, or were replaced."""
    captured_at: datetime | None
    declared_at: datetime
    verified_at: datetime | None
    rejected_why: str | None

    @classmethod
    def of(cls, file: EvidenceFile) -> Self:
        return cls.model_validate(file)


class EvidenceOfOrderOut(Out):
    """All files of an order, and what its fault demands when it is fixed."""

    order_id: UUID
    state: EvidenceState
    """`complete` when every file of the manifest is verified."""
    required_files: list[str]
    required_readings: list[str]
    files: list[EvidenceOut]
