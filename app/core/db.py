"""The database of one process: engine, transactions, and the role that owns nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession as SqlAlchemySession
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql

APP_ROLE = "paigong_app"
MOST_CONNECTIONS = 20
"""Of one process at a time."""
WAITED_TOO_LONG = frozenset({"55P03", "40001", "40P01", "57014", "25P03"})
"""SQLSTATEs of locks, deadlocks and timeouts: the same work may well succeed next time."""


def _session_options(statement_timeout_s: int = 30) -> str:
    return (
        f"-c role={APP_ROLE} -c timezone=UTC -c idle_in_transaction_session_timeout=5s"
        f" -c lock_timeout=10s -c statement_timeout={statement_timeout_s}s"
    )


def sqlalchemy_url(database_url: str) -> URL:
    """`postgresql://...` as SQLAlchemy's psycopg 3 URL."""
    return make_url(database_url).set(drivername="postgresql+psycopg")


def app_conninfo(database_url: str) -> dict[str, Any]:
    """libpq parameters of a session that acts as `paigong_app`."""
    url = make_url(database_url).set(drivername="postgresql")
    return conninfo_to_dict(url.render_as_string(hide_password=False), options=_session_options())


class PlainSqlSession(AsyncSession):
    """SQLModel's session, on which `execute` serves textual SQL without a deprecation warning."""

    execute = SqlAlchemySession.execute


class Database:
    """Engine and transactions; one instance per process, closed by whoever made it."""

    def __init__(
        self, database_url: str, *, pool_size: int = MOST_CONNECTIONS, statement_timeout_s: int = 30
    ) -> None:
        self.url = database_url
        self.engine = create_async_engine(
            sqlalchemy_url(database_url),
            # What was used last is used next, and none is opened for one use: plans stay prepared.
            pool_size=pool_size,
            max_overflow=max(0, MOST_CONNECTIONS - pool_size),
            pool_use_lifo=True,
            connect_args={"options": _session_options(statement_timeout_s), "prepare_threshold": 3},
        )
        self._sessions = async_sessionmaker(
            self.engine, class_=PlainSqlSession, expire_on_commit=False, autoflush=True
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits when the block ends and rolls back when it raises."""
        async with self._sessions() as session, session.begin():
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether waiting helps: no connection, a lock, a deadlock, a timeout, a full server.

    What the statement itself did wrong, such as text that cannot be stored, fails again.
    """
    if isinstance(error, (PoolTimeout, ConnectionError, TimeoutError)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in WAITED_TOO_LONG or error.connection_invalidated:
        return True
    gone = isinstance(error.orig, (psycopg.OperationalError, psycopg.InterfaceError))
    # 54 is a limit that the statement itself broke, such as a row too large for its index.
    return gone and not state.startswith("54")


def count_statements(database: Database, seen: list[str]) -> None:
    """Append every SQL text to `seen`; for tests that bound a route's queries."""

    def record(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sql.recorders[database.engine.sync_engine] = seen
    event.listen(database.engine.sync_engine, "before_cursor_execute", record)
