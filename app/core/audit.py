"""Reads of personal data, written down in the transaction that read them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.columns import Instant, Json, RowNumber
from app.core.scope import Principal


class AuditRecord(SQLModel, table=True):
    """Who looked at, or administered, what; append-only."""

    __tablename__ = "audit_records"
    __table_args__ = (Index("ix_audit_records_subject", "subject", "subject_id"),)

    id: int | None = RowNumber()
    at: datetime = Field(sa_type=Instant)
    principal_id: UUID
    principal_name: str
    action: str
    subject: str
    subject_id: UUID | None = None
    detail: dict[str, object] = Field(sa_type=Json)


async def record(
    session: AsyncSession,
    principal: Principal,
    action: str,
    subject: str,
    subject_id: UUID | None = None,
    **detail: object,
) -> None:
    """Append one row, e.g. `record(s, p, "read", "customer", id, by="phone")`."""
    session.add(
        AuditRecord(
            at=clock.now(),
            principal_id=principal.id,
            principal_name=principal.name,
            action=action,
            subject=subject,
            subject_id=subject_id,
            detail=detail,
        )
    )
