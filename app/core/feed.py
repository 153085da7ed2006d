"""The change feed: what every screen must hear of, readable without gaps.

Identity values commit out of order, so `id > cursor` would lose rows. Each row keeps its
transaction id, and readers stay below the oldest transaction still running. A cursor is
(epoch, xid, id); a restored database begins a new epoch (`paigong restored`), since its
transactions count from elsewhere, and phones then sync fully.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.columns import Instant, RowNumber, Texts
from app.core.ids import new_id


class ChangeFeed(SQLModel, table=True):
    """One change; `audience_before` and `audience_after` hold tokens such as `crew:<id>`."""

    __tablename__ = "change_feed"
    __table_args__ = (
        Index("ix_change_feed_xid_id", "xid", "id"),
        Index("ix_change_feed_at", "at", postgresql_using="brin"),
        Index("ix_change_feed_before", "audience_before", postgresql_using="gin"),
        Index("ix_change_feed_after", "audience_after", postgresql_using="gin"),
    )

    id: int | None = RowNumber()
    xid: int | None = Field(
        default=None,
        sa_type=BigInteger,
        sa_column_kwargs={
            "server_default": text("(pg_current_xact_id()::text::bigint)"),
            "nullable": False,
        },
    )
    entity: str
    entity_id: UUID
    audience_before: list[str] = Field(sa_type=Texts)
    audience_after: list[str] = Field(sa_type=Texts)
    at: datetime = Field(sa_type=Instant)


class FeedEpoch(SQLModel, table=True):
    """The one row that names this history of the database."""

    __tablename__ = "feed_epoch"

    id: int = Field(default=1, primary_key=True)
    epoch: UUID = Field(default_factory=new_id)
    purged_xid: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """Up to this transaction changes may be missing: an older cursor gets everything."""


KEPT = timedelta(days=30)
_LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the feed; opaque to clients as `epoch.xid.id`."""

    epoch: UUID
    xid: int
    id: int

    def __str__(self) -> str:
        return f"{self.epoch.hex}.{self.xid}.{self.id}"

    @classmethod
    def parse(cls, value: str) -> Self:
        """Raises ValueError when `value` is no cursor."""
        epoch, xid, row = value.split(".")
        parsed = cls(UUID(hex=epoch), int(xid), int(row))
        if not (0 <= parsed.xid < 2**63 and 0 <= parsed.id < 2**63):
            raise ValueError("cursor out of range")
        return parsed


def station_token(station_id: UUID) -> str:
    return f"station:{station_id}"


def crew_token(crew_id: UUID) -> str:
    return f"crew:{crew_id}"


def user_token(user_id: UUID) -> str:
    return f"user:{user_id}"


async def append(
    session: AsyncSession,
    entity: str,
    entity_id: UUID,
    *,
    before: Iterable[str] = (),
    after: Iterable[str] = (),
) -> None:
    """Tell both the audience that had it and the one that has it now."""
    await sql.rows(
        session,
        "INSERT INTO change_feed (entity, entity_id, audience_before, audience_after, at)"
        " VALUES (:entity, :id, :before, :after, :at)",
        {
            "entity": entity,
            "id": entity_id,
            "before": sorted(set(before)),
            "after": sorted(set(after)),
            "at": clock.now(),
        },
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One entity that changed for this audience; `gone` when only the old audience held it."""

    entity: str
    entity_id: UUID
    gone: bool


def begin_epoch(database_url: str) -> UUID:
    """Make every cursor given out so far invalid; needs the owner's URL. Returns the new epoch.

    The restored changes go: their transactions were another cluster's, and numbers far ahead of
    ours would never settle.
    """
    epoch = new_id()
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM change_feed")
        connection.execute("UPDATE feed_epoch SET epoch = %s, purged_xid = 0 WHERE id = 1", [epoch])
    return epoch


_HORIZON = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"


async def head(session: AsyncSession) -> Cursor:
    """The cursor of now: everything below the horizon has been seen."""
    row = (
        await session.execute(text(f"SELECT epoch, {_HORIZON} FROM feed_epoch WHERE id = 1"))
    ).one()
    return Cursor(row[0], row[1] - 1, _LAST_ID)


async def read(
    session: AsyncSession, cursor: Cursor, audience: Iterable[str], *, limit: int = 500
) -> tuple[list[Change], Cursor] | None:
    """Changes for `audience` after `cursor` in commit-safe order.

    None when the epoch differs, or changes after the cursor are purged: only everything helps.
    Each entity appears once, with its latest standing; at most `limit` rows are read.
    """
    upto = await head(session)
    if upto.epoch != cursor.epoch:
        return None
    rows: list[Any] = list(
        (
            await session.execute(
                text(
                    "SELECT xid, id, entity, entity_id, audience_after && :audience AS mine"
                    " FROM change_feed WHERE (xid, id) > (:xid, :id) AND xid <= :upto"
                    " AND (audience_after && :audience OR audience_before && :audience)"
                    " ORDER BY xid, id LIMIT :limit"
                ),
                {
                    "audience": list(audience),
                    "xid": cursor.xid,
                    "id": cursor.id,
                    "upto": upto.xid,
                    "limit": limit,
                },
            )
        ).all()
    )
    # After the rows: a purge in between must be seen.
    if (cursor.xid, cursor.id) < (await _purged_xid(session), _LAST_ID):
        return None
    latest = {(row.entity, row.entity_id): not row.mine for row in rows}
    changes = [Change(entity, entity_id, gone) for (entity, entity_id), gone in latest.items()]
    reached = Cursor(upto.epoch, rows[-1].xid, rows[-1].id) if len(rows) == limit else upto
    return changes, reached


async def _purged_xid(session: AsyncSession) -> int:
    row = await session.execute(text("SELECT purged_xid FROM feed_epoch WHERE id = 1"))
    purged: int = row.scalar_one()
    return purged


async def purge(session: AsyncSession) -> None:
    """Forget changes that are older than 30 days; phones that were away longer sync fully."""
    await session.execute(
        text(
            "WITH gone AS (DELETE FROM change_feed WHERE at < :before"
            f" AND xid < {_HORIZON} RETURNING xid)"
            " UPDATE feed_epoch SET purged_xid = greatest(purged_xid, (SELECT max(xid) FROM gone))"
            " WHERE id = 1 AND EXISTS (SELECT FROM gone)"
        ),
        {"before": clock.now() - KEPT},
    )


async def settling(session: AsyncSession, audience: Iterable[str]) -> bool:
    """Whether a committed change for `audience` is still above the horizon, so not yet told.

    An older transaction is running somewhere; it ends within seconds. Whoever reads now should
    read again soon, since no second wake-up follows.
    """
    statement = text(
        f"SELECT EXISTS (SELECT FROM change_feed WHERE xid >= {_HORIZON}"
        " AND (audience_after && :audience OR audience_before && :audience))"
    )
    found: bool = (await session.execute(statement, {"audience": list(audience)})).scalar_one()
    return found
