"""What the database holds about pushes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from app.core.db import Database
from app.notifications.models import DeliveryAttempt, Notification, PushAddress


async def notifications(database: Database, user_id: UUID | None = None) -> list[Notification]:
    """Oldest first, of one person or of all."""
    async with database.transaction() as session:
        statement = select(Notification).order_by(col(Notification.id))
        if user_id is not None:
            statement = statement.where(Notification.user_id == user_id)
        return list((await session.exec(statement)).all())


async def attempts(database: Database) -> list[DeliveryAttempt]:
    async with database.transaction() as session:
        statement = select(DeliveryAttempt).order_by(col(DeliveryAttempt.id))
        return list((await session.exec(statement)).all())


async def addresses(database: Database) -> dict[str, PushAddress]:
    async with database.transaction() as session:
        return {row.address: row for row in (await session.exec(select(PushAddress))).all()}


@dataclass(frozen=True)
class Job:
    """A row of the queue."""

    arguments: dict[str, Any]
    scheduled_at: datetime | None
    status: str


async def jobs(database: Database) -> list[Job]:
    """Queued sends, oldest first."""
    async with database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT args, scheduled_at, status::text FROM procrastinate_jobs"
                " WHERE task_name = 'notifications.send' ORDER BY id"
            )
        )
        return [Job(*row) for row in rows]
