"""Files that prove a repair: declared, uploaded in pieces, verified by hash."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Point


class EvidenceFile(SQLModel, table=True):
    """One file of an order; `id` is made by the phone, so a retry is the same file."""

    __tablename__ = "evidence_files"
    __table_args__ = (
        CheckConstraint("state IN ('declared','receiving','verified','rejected')", name="state"),
        CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name="offset"),
        Index("ix_evidence_files_order", "order_id", "state"),
        Index("ix_evidence_files_sha256", "sha256"),
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
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
