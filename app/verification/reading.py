"""Plain reads of whole tables in one snapshot, past every cache of objects."""

from collections import namedtuple
from collections.abc import Collection
from functools import cache
from typing import Any, cast

from geoalchemy2 import Geography
from psycopg.pq import TransactionStatus
from sqlalchemy import ColumnElement, FromClause, Result, inspect, select, text
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


async def take_snapshot(session: AsyncSession, shared: str | None = None) -> None:
    """Read everything as of one instant, while others go on working; `shared` is another's.

    Only the first statement of a transaction can ask for it; inside a transaction that already
    did something, what the checks read may be as uneven as the work going on beside them. The
    idle timeout is lifted because cases are folded between statements.
    """
    raw: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    if raw.info.transaction_status == TransactionStatus.IDLE:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        if shared is not None:
            await session.execute(text(f"SET TRANSACTION SNAPSHOT '{shared}'"))
    await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    await session.execute(text("SET LOCAL statement_timeout = '600s'"))


def table_of(model: type[SQLModel]) -> FromClause:
    return cast(FromClause, inspect(model).local_table)


async def rows[M: SQLModel](
    session: AsyncSession,
    model: type[M],
    where: ColumnElement[bool] | None = None,
    *order: Any,
    limit: int | None = None,
    only: Collection[str] = (),
) -> list[M]:
    """Rows with the model's attributes (no places, or `only` some), straight from the table.

    They are plain tuples with names, not objects of the session: a state that somebody changed
    behind the session's back must show.
    """
    columns = [
        each
        for each in table_of(model).c
        if not isinstance(each.type, Geography) and (not only or each.name in only)
    ]
    statement = select(*columns)
    if where is not None:
        statement = statement.where(where)
    connection = await session.connection()
    return cast(list[M], named(await connection.execute(statement.order_by(*order).limit(limit))))


def named(found: Result[Any]) -> list[Any]:
    """Plain tuples with the columns' names, which are read at several times a row's speed."""
    made = _tuples(tuple(found.keys()))
    return [made._make(row) for row in found.all()]


@cache
def _tuples(columns: tuple[str, ...]) -> type[Any]:
    return namedtuple("Stored", columns)
