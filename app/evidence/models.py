"""Files that prove a repair: declared, uploaded in pieces, verified by hash."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, Point, PrimaryId


class EvidenceFile(SQLModel, table=True):
    """One file of an order; `id` is made by the phone, so a retry is the same file."""

    __tablename__ = "evidence_files"
    __table_args__ = (
        CheckConstraint("state IN ('declared','receiving','verified','rejected')", name="state"),
        CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name="offset"),
        Index("ix_evidence_files_order", "order_id", "state"),
        CheckConstraint("source IN ('camera','gallery')", name="source"),
        Index("ix_evidence_files_sha256", "sha256"),
        Index("ix_evidence_files_device", "device_id", "declared_at"),
        Index("ix_evidence_files_owner", "owner_id", "declared_at"),
        Index(
            "ix_evidence_files_recordings",
            "verified_at",
            postgresql_where=text("media_type IN ('audio/mp4','video/mp4')"),
        ),
        Index(
            "ix_evidence_files_unfinished",
            "expires_at",
            postgresql_where=text("state = 'receiving'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="work_orders.id")
    owner_id: UUID = Field(foreign_key="users.id")
    kind: str
    """A letter of DOMAIN section 4 (B, F, G, ...), telling what the file shows."""
    media_type: str
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str
    state: str
    received_bytes: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    captured_at: datetime | None = Field(default=None, sa_type=Instant)
    captured_place: Any = Field(default=None, sa_type=Point(nullable=True), nullable=True)
    declared_at: datetime = Field(sa_type=Instant)
    verified_at: datetime | None = Field(default=None, sa_type=Instant)
    rejected_why: str | None = None
    in_manifest: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    """Named by the order's current manifest; only such files hold up a review."""
    upload_metadata: str | None = None
    """The `Upload-Metadata` of the creation, given back to HEAD word for word."""
    lease_id: UUID | None = None
    """The one writer of now; a writer whose lease was taken over can save nothing."""
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    """While a chunk is being written, in real time; a second writer gets 423."""
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    """When an unfinished upload is forgotten, in real time; every saved chunk moves it on."""
    device_id: UUID | None = Field(default=None, foreign_key="devices.id")
    """The phone that created the upload."""
    source: str | None = None
    """How the phone came by it: its own camera, or the gallery; null when it did not say."""
    replaces: UUID | None = Field(default=None, foreign_key="evidence_files.id", unique=True)
    """The rejected file of the manifest whose place this one takes."""
    removed_at: datetime | None = Field(default=None, sa_type=Instant)
    """When policy removed the bytes of a recording; hash and row stay."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class EvidenceInspection(SQLModel, table=True):
    """What a verified file turned out to hold, told by the process that decoded it."""

    __tablename__ = "evidence_inspections"

    file_id: UUID = Field(foreign_key="evidence_files.id", primary_key=True)
    width: int | None = None
    """Pixels, as shown upright."""
    height: int | None = None
    duration_ms: int | None = None
    taken_at: datetime | None = Field(default=None, sa_type=Instant)
    """By the camera's own clock (EXIF)."""
    taken_place: Any = Field(default=None, sa_type=Point(nullable=True), nullable=True)
    """By the camera's own fix (EXIF)."""
    has_thumbnail: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    signature: dict[str, Any] | None = Field(default=None, sa_type=Json)
    """Of signature strokes: language, hash of the signed text, who signed, hash of the picture."""
    inspected_at: datetime = Field(sa_type=Instant)


class QuarantinedFile(SQLModel, table=True):
    """A rejected original: its bytes lie in quarantine under `id` until `purged_at`."""

    __tablename__ = "quarantined_files"
    __table_args__ = (
        Index("ix_quarantined_files_file", "file_id"),
        Index(
            "ix_quarantined_files_kept",
            "rejected_at",
            postgresql_where=text("purged_at IS NULL"),
        ),
    )

    id: UUID = PrimaryId()
    file_id: UUID
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    owner_id: UUID = Field(foreign_key="users.id")
    device_id: UUID | None = Field(default=None, foreign_key="devices.id")
    kind: str
    media_type: str
    """As declared."""
    sha256: str
    """Of the bytes that came."""
    size_bytes: int = Field(sa_type=BigInteger)
    why: str
    rejected_at: datetime = Field(sa_type=Instant)
    purged_at: datetime | None = Field(default=None, sa_type=Instant)
