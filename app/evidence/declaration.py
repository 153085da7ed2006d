"""How a phone describes a file, in a manifest and in an upload's metadata; web-free."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.core.geo import PlaceIn
from app.core.times import PhoneMomentIfAny
from app.evidence.policy import FileKind, MediaType
from routing import Datum

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Source = Literal["camera", "gallery"]


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
    captured_at: PhoneMomentIfAny = None


class UploadMetadata(BaseModel):
    """`Upload-Metadata` of a tus creation; other keys (e.g. `filename`) are ignored.

    A file that a manifest declared needs no more than its `file_id`.
    """

    model_config = ConfigDict(extra="ignore")

    file_id: UUID
    order_id: UUID | None = None
    kind: FileKind | None = None
    sha256: Sha256 | None = None
    filetype: MediaType | None = None
    captured_at: PhoneMomentIfAny = None
    captured_lon: float | None = None
    captured_lat: float | None = None
    datum: Datum = Datum.WGS84
    source: Source | None = None
    replaces: UUID | None = None

    @model_validator(mode="after")
    def _possible_place(self) -> Self:
        if (self.captured_lon is None) != (self.captured_lat is None):
            raise ValueError("captured_lon and captured_lat come together")
        self.place()
        return self

    def place(self) -> PlaceIn | None:
        """Where it was captured, as the phone said."""
        if self.captured_lon is None or self.captured_lat is None:
            return None
        return PlaceIn(lon=self.captured_lon, lat=self.captured_lat, datum=self.datum)
