"""What clients read about evidence files."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from app.core.geo import PlaceOut
from app.evidence.flags import FLAGS, Flag, FlagCode
from app.evidence.inspection.findings import REJECTIONS, RejectionCode
from app.evidence.seen import SeenFile, SeenVisit
from app.web.wire import Out

FileState = Literal["declared", "receiving", "verified", "rejected"]
EvidenceState = Literal["none", "incomplete", "complete"]


class RejectionOut(Out):
    """Why a file is not taken, and what to do about it."""

    code: RejectionCode
    zh: str
    en: str


class FlagOut(Out):
    """Something that a reviewer should look at twice; never a refusal."""

    code: FlagCode
    zh: str
    en: str
    facts: dict[str, Any]
    """What it was measured from, e.g. `distance_m` and `limit_m`."""

    @classmethod
    def of(cls, flag: Flag) -> Self:
        told = FLAGS[flag.code]
        return cls(code=flag.code, zh=told.zh, en=told.en, facts=flag.facts)


class SignedOut(Out):
    """What signature strokes say about themselves; the hash is that of the text in UTF-8."""

    language: Literal["zh", "en"]
    text: str
    text_sha256: str
    signed_by: str
    signed_at: datetime
    picture_sha256: str
    strokes: int


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
    """Named by the current completion record, or in the place of one that it names; others came
    in advance, or were replaced."""
    captured_at: datetime | None
    declared_at: datetime
    verified_at: datetime | None
    removed_at: datetime | None
    """When the keeping time of a recording ended: `sha256` and the record are left of it."""
    rejected_why: str | None
    rejection: RejectionOut | None
    """The same, with what a technician reads."""
    replaces: UUID | None
    """The rejected file whose place this one took."""
    source: Literal["camera", "gallery"] | None
    width: int | None
    height: int | None
    duration_ms: int | None
    taken_at: datetime | None
    """By the camera's own clock."""
    taken_place: PlaceOut | None
    """By the camera's own fix."""
    has_thumbnail: bool
    signature: SignedOut | None
    flags: list[FlagOut]

    @classmethod
    def of(cls, seen: SeenFile) -> Self:
        file, found = seen.file, seen.inspection
        told = REJECTIONS.get(file.rejected_why or "")
        rejection = told and {"code": file.rejected_why, "zh": told.zh, "en": told.en}
        return cls.model_validate(
            file.model_dump(exclude={"captured_place"})
            | {
                "rejection": rejection,
                "width": found.width if found else None,
                "height": found.height if found else None,
                "duration_ms": found.duration_ms if found else None,
                "taken_at": found.taken_at if found else None,
                "taken_place": _place(seen.taken_place),
                "has_thumbnail": found is not None and found.has_thumbnail,
                "signature": found.signature if found else None,
                "flags": [FlagOut.of(flag) for flag in seen.flags],
            }
        )


def _place(place: tuple[float, float] | None) -> PlaceOut | None:
    return PlaceOut(lon=place[0], lat=place[1]) if place else None


class VisitOut(Out):
    """What times and places of files are held against."""

    place: PlaceOut
    arrived_at: datetime | None
    """The first time."""
    done_at: datetime | None
    """The last time."""

    @classmethod
    def of(cls, visit: SeenVisit) -> Self:
        lon, lat = visit.place
        place = PlaceOut(lon=lon, lat=lat)
        return cls(place=place, arrived_at=visit.arrived_at, done_at=visit.done_at)


class EvidenceOfOrderOut(Out):
    """All files of an order, and what its fault demands when it is fixed."""

    order_id: UUID
    state: EvidenceState
    """`complete` when every file of the manifest is verified."""
    required_files: list[str]
    required_readings: list[str]
    visit: VisitOut
    files: list[EvidenceOut]
