"""Who looked at, or administered, what: the list that a company's inspector reads."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.audit import AuditRecord
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.models import RoleGrant


async def list_records(
    session: AsyncSession,
    principal: Principal,
    *,
    subject: str | None,
    subject_id: UUID | None,
    principal_id: UUID | None,
    before: int | None,
    limit: int,
) -> Sequence[AuditRecord]:
    """Records, newest first; a station's reader sees what people of its stations did."""
    statement = select(AuditRecord)
    stations = principal.stations(P.AUDIT_READ)
    if stations is not None:
        theirs = select(RoleGrant.user_id).where(col(RoleGrant.station_id).in_(stations))
        statement = statement.where(col(AuditRecord.principal_id).in_(theirs))
    if subject is not None:
        statement = statement.where(AuditRecord.subject == subject)
    if subject_id is not None:
        statement = statement.where(AuditRecord.subject_id == subject_id)
    if principal_id is not None:
        statement = statement.where(AuditRecord.principal_id == principal_id)
    if before is not None:
        statement = statement.where(col(AuditRecord.id) < before)
    return (await session.exec(statement.order_by(col(AuditRecord.id).desc()).limit(limit))).all()
