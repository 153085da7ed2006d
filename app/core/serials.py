"""Readable serial numbers without gaps: the counter's row is locked until the commit."""

from datetime import date

from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import sql


class SerialCounter(SQLModel, table=True):
    """The last number given out in one series, such as `S01-260115`."""

    __tablename__ = "serial_counters"

    series: str = Field(primary_key=True)
    last: int


async def next_serial(session: AsyncSession, prefix: str, day: date) -> str:
    """`S01-260115-0042`: the next number of this prefix and local day; a rollback frees it."""
    series = f"{prefix}-{day:%y%m%d}"
    number = await sql.scalar(
        session,
        "INSERT INTO serial_counters (series, last) VALUES (:series, 1)"
        " ON CONFLICT (series) DO UPDATE SET last = serial_counters.last + 1 RETURNING last",
        {"series": series},
    )
    return f"{series}-{number:04d}"
