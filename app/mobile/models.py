"""The command inbox: what a phone said, and the answer it got."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json


class PhoneCommand(SQLModel, table=True):
    """One command of one device; a replay gets the stored answer, a refusal is kept too."""

    __tablename__ = "phone_commands"
    __table_args__ = (
        CheckConstraint("outcome IN ('applied','refused')", name="outcome"),
        Index("ix_phone_commands_device_seq", "device_id", "device_seq"),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    device_id: UUID = Field(foreign_key="devices.id")
    device_seq: int = Field(sa_type=BigInteger)
    order_id: UUID | None = None
    kind: str
    body: dict[str, Any] = Field(sa_type=Json)
    body_hash: str
    client_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    outcome: str
    answer: dict[str, Any] = Field(sa_type=Json)
