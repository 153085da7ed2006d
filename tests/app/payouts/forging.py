"""Damage done past every guard, and what the books say of it."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.core.db import PlainSqlSession, sqlalchemy_url
from app.verification.books import check_books


async def unfound(database_url: str, forgeries: Mapping[str, str]) -> dict[str, list[str]]:
    """What must be said -> what is said instead, for every forgery that is not found.

    Each is done by the owner of the tables, who switches their triggers off, and undone.
    """
    missed: dict[str, list[str]] = {}
    engine = create_async_engine(sqlalchemy_url(database_url), poolclass=NullPool)
    for says, forgery in forgeries.items():
        async with PlainSqlSession(engine) as session:
            await session.execute(text("SET session_replication_role = replica"))
            await session.execute(text(forgery))
            found = [str(each) for each in (await check_books(session))[1]]
            if not any(says in each for each in found):
                missed[says] = found
            await session.rollback()
    await engine.dispose()
    return missed
