"""Column types that every table shares, under the names the models use."""

from typing import Any

from geoalchemy2 import Geography
from sqlalchemy import BigInteger, DateTime, Identity, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from app.core.ids import new_id

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Instant: Any = DateTime(timezone=True)
Json: Any = JSONB(none_as_null=True)
Points: Any = Numeric(12, 2)
Texts: Any = ARRAY(Text)


def Point(*, nullable: bool = False) -> Any:
    """A WGS-84 point; a new instance each, since a spatial type belongs to one column."""
    return Geography("POINT", srid=4326, nullable=nullable)


def Area(*, nullable: bool = False) -> Any:
    """WGS-84 polygons; a new instance each."""
    return Geography("MULTIPOLYGON", srid=4326, nullable=nullable)


def PrimaryId() -> Any:
    """A UUIDv7 primary key."""
    return Field(default_factory=new_id, primary_key=True)


def RowNumber() -> Any:
    """A bigint identity primary key that the database alone hands out."""
    return Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=[Identity(always=True)],
    )
