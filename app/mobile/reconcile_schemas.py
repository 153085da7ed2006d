"""What a phone says it holds, and what the server makes of it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.evidence.declaration import Sha256
from app.mobile.schemas import SequenceGap
from app.web.wire import Body, Out


class HeldOrder(Body):
    """A job on the phone."""

    id: UUID
    version: int = Field(ge=1, lt=2**31)


class HeldCommand(Body):
    """A command that the phone ever made and still remembers, sent or not."""

    id: UUID
    device_seq: int = Field(ge=1, lt=2**31)


class HeldFile(Body):
    """A file of evidence on the phone."""

    id: UUID
    order_id: UUID
    sha256: Sha256
    size_bytes: int = Field(ge=1, le=2**40)


class ManifestIn(Body):
    """All that the phone holds, or one page of it."""

    orders: Annotated[list[HeldOrder], Field(max_length=500)]
    commands: Annotated[list[HeldCommand], Field(max_length=2000)]
    files: Annotated[list[HeldFile], Field(max_length=1000)]
    page: int = Field(default=1, ge=1, le=1000)
    """Which page this is. Each is answered as if it were all; what a list of things that the
    phone did not name tells is true of the pages together only."""
    of: int = Field(default=1, ge=1, le=1000)
    """How many pages there are; the last one decides on the notice `commands_missing`."""

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.page > self.of:
            raise ValueError("page is one of `of`")
        return self


class OrderDiffers(Out):
    """The phone shows another version."""

    id: UUID
    version: int
    """The server's."""


class OrdersReconciled(Out):
    """Jobs: `same` is a count, the rest are ids."""

    same: int
    missing: list[UUID]
    """Jobs of the caller's crews that the phone does not have: sync."""
    gone: list[UUID]
    """No jobs of the caller's crews any more: sync."""
    differing: list[OrderDiffers]


class CommandDiffers(Out):
    """The id is known, but not for this."""

    id: UUID
    why: Literal["device_seq", "not_yours"]


class CommandsReconciled(Out):
    """Commands: every listed one is in exactly one of the lists or counted in `applied`."""

    applied: int
    refused: list[UUID]
    conflicts: list[UUID]
    """In the conflict inbox, decided or not."""
    missing: list[UUID]
    """Never came: send them."""
    differing: list[CommandDiffers]
    unlisted: int
    """Commands of this device that are here and that the phone did not name."""
    last_seq: int
    gaps: list[SequenceGap]


class FilePart(Out):
    """Some bytes are here."""

    id: UUID
    offset: int
    size_bytes: int


class FileRejected(Out):
    """The bytes came and were no such file."""

    id: UUID
    why: str | None


class FileDiffers(Out):
    """The id is known, but for another file or order."""

    id: UUID
    fields: list[str]


class FileUnlisted(Out):
    """Declared by the caller, not verified, not begun on another phone, and not on this one."""

    id: UUID
    order_id: UUID


class FilesReconciled(Out):
    """Files: every listed one is in exactly one of the lists or counted in `verified`."""

    verified: int
    missing: list[UUID]
    """Not a byte is here: create the upload."""
    partial: list[FilePart]
    rejected: list[FileRejected]
    differing: list[FileDiffers]
    unlisted: list[FileUnlisted]


class ReconciliationOut(Out):
    """Exactly what the server has, what is missing, what differs."""

    complete: bool
    """All that the phone holds is here, and the phone shows what stands."""
    orders: OrdersReconciled
    commands: CommandsReconciled
    files: FilesReconciled
    server_time: datetime
