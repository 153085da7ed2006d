"""What clients say and read about evidence files."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from app.evidence.models import EvidenceFile
from app.web.wire import Out

FileState = Literal["declared", "receiving", "verified", "rejected"]
EvidenceState = Literal["none", "incomplete", "complete"]


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
