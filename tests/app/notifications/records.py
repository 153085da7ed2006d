"""What the database holds about pushes."""

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from app.core.db import Database
from app.notifications.models import DeliveryAttempt, Dispatch, Notification, PushAddress


async def notifications(database: Database, user_id: UUID | None = None) -> list[Notification]:
    """Oldest first, of one person or of all."""
    async with database.transaction() as session:
        statement = select(Notification).order_by(col(Notification.id))
        if user_id is not None:
            statement = statement.where(Notification.user_id == user_id)
        return list((await session.exec(statement)).all())


async def dispatches(database: Database, notification_id: UUID | None = None) -> list[Dispatch]:
    """Oldest first, of one message or of all."""
    async with database.transaction() as session:
        statement = select(Dispatch).order_by(col(Dispatch.id))
        if notification_id is not None:
            statement = statement.where(Dispatch.notification_id == notification_id)
        return list((await session.exec(statement)).all())


async def dispatch_of(database: Database, notification_id: UUID) -> Dispatch:
    """The first push of a message."""
    return (await dispatches(database, notification_id))[0]


async def change_dispatch(database: Database, dispatch_id: UUID, **values: Any) -> None:
    """As if time had gone by, or a worker had died."""
    async with database.transaction() as session:
        await session.execute(
            update(Dispatch).where(col(Dispatch.id) == dispatch_id).values(**values)
        )


async def attempts(database: Database) -> list[DeliveryAttempt]:
    async with database.transaction() as session:
        statement = select(DeliveryAttempt).order_by(col(DeliveryAttempt.id))
        return list((await session.exec(statement)).all())


async def addresses(database: Database) -> dict[str, PushAddress]:
    async with database.transaction() as session:
        return {row.address: row for row in (await session.exec(select(PushAddress))).all()}


async def waiting(database: Database) -> list[Dispatch]:
    """Messages that are queued, oldest first."""
    return [row for row in await dispatches(database) if row.state == "queued"]
