"""How a phone describes a file, in a manifest and in an upload's metadata; web-free."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.core.times import Moment
from app.evidence.policy import FileKind, MediaType

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DeclaredIn(BaseModel):
    """One file as the phone holds it; the bytes may follow later, or have come before."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    file_id: UUID
    """Made by the phone; a retry carries the same one."""
    kind: FileKind
    """What the file shows: B before, F after, G signature, C video, W permit, X quote; the
    letter of a reading for a photo of the instrument; A for a photo at a failed check-in."""
    media_type: MediaType
    size_bytes: int = Field(ge=1, le=2**40)
    sha256: Sha256
    """Lower-case hex of the whole file."""
    captured_at: Moment | None = None


class UploadMetadata(BaseModel):
    """`Upload-Metadata` of a tus creation; other keys (e.g. `filename`) are ignored."""

    model_config = ConfigDict(extra="ignore")

    order_id: UUID
    file_id: UUID
    kind: FileKind
    sha256: Sha256
    filetype: MediaType
    captured_at: Moment | None = None
