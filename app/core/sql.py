"""SQL text on a session's own connection, past SQLAlchemy: a fifth of its processor time.

For statements of every request and every job. The transaction is the session's, and so are the
locks; but nothing is flushed first: what the statement must see has to be written already.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

recorders: WeakKeyDictionary[Any, list[str]] = WeakKeyDictionary()
"""Engine -> where its statements are noted; `db.count_statements` fills it."""
_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
_KEY = "paigong driver"


async def rows(
    session: AsyncSession, statement: str, values: Mapping[str, Any] | None = None
) -> list[Any]:
    """Every row as a named tuple; parameters are written `:name`, as in SQLAlchemy's `text`.

    Raises DBAPIError as SQLAlchemy does.
    """
    raw = await driver(session)
    sent = _for_driver(statement)
    if (seen := recorders.get(session.sync_session.bind)) is not None:
        seen.append(sent)
    try:
        cursor = await raw.cursor(row_factory=namedtuple_row).execute(sent, values or {})
        return await cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, dict(values or {}), error, psycopg.Error) from error


async def first(
    session: AsyncSession, statement: str, values: Mapping[str, Any] | None = None
) -> Any | None:
    """The first row, or None."""
    found = await rows(session, statement, values)
    return found[0] if found else None


async def scalar(
    session: AsyncSession, statement: str, values: Mapping[str, Any] | None = None
) -> Any:
    """The first column of the one row that there must be."""
    (row,) = await rows(session, statement, values)
    return row[0]


async def insert_once(
    session: AsyncSession, table: str, row: Mapping[str, Any], *, key: str = "key"
) -> bool:
    """Insert the row unless its `key` is there; False when it was. A dict is sent as JSON.

    Table and columns are names of the code, never anybody's input.
    """
    columns = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    statement = (
        f"INSERT INTO {table} ({columns}) VALUES ({places})"
        f" ON CONFLICT ({key}) DO NOTHING RETURNING {key}"
    )
    values = {name: Jsonb(each) if isinstance(each, dict) else each for name, each in row.items()}
    return bool(await rows(session, statement, values))


async def driver(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """The connection of the session's transaction, looked up once per transaction."""
    now = session.sync_session.get_transaction()
    known = session.info.get(_KEY)
    if known is not None and now is not None and known[0] is now:
        found: psycopg.AsyncConnection[Any] = known[1]
        return found
    found = (await (await session.connection()).get_raw_connection()).driver_connection  # type: ignore[assignment]
    session.info[_KEY] = (session.sync_session.get_transaction(), found)
    return found


@lru_cache(maxsize=1024)
def _for_driver(statement: str) -> str:
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))
