"""Whether a number may be sent text messages: kept by number, since callers may be no customers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.columns import Instant
from app.customers.policy import normal_phone


class MessageConsent(SQLModel, table=True):
    """The last word of whoever holds the number."""

    __tablename__ = "message_consents"
    __table_args__ = (CheckConstraint("how IN ('call','form','link')", name="how"),)

    phone: str = Field(primary_key=True)
    """Digits as `policy.normal_phone` makes them."""
    allowed: bool
    how: str
    said_at: datetime = Field(sa_type=Instant)
    recorded_by: UUID | None = None
    """None when the customer said so by a link."""


async def said_of(session: AsyncSession, phone: str) -> MessageConsent | None:
    """What was last said about this number; None when nobody ever asked."""
    row = await sql.first(
        session,
        "SELECT phone, allowed, how, said_at, recorded_by FROM message_consents"
        " WHERE phone = :phone",
        {"phone": normal_phone(phone)},
    )
    return MessageConsent(**row._asdict()) if row else None


async def say(
    session: AsyncSession, phone: str, *, allowed: bool, how: str, recorded_by: UUID | None
) -> MessageConsent:
    """Keep the word of whoever holds the number; it replaces the one before."""
    values = {
        "allowed": allowed,
        "how": how,
        "said_at": clock.now(),
        "recorded_by": recorded_by,
    }
    statement = (
        insert(MessageConsent)
        .values(phone=normal_phone(phone), **values)
        .on_conflict_do_update(index_elements=["phone"], set_=values)
        .returning(MessageConsent)
        .execution_options(populate_existing=True)
    )
    row: MessageConsent = (await session.execute(statement)).scalar_one()
    return row
