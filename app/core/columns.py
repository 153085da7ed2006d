"""Column types that every table shares, under the names the models use."""

from typing import Any

from geoalchemy2 import Geography
from sqlalchemy import BigInteger, DateTime, Identity, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from app.core.ids import new_id

Instant: Any = DateTime(timezone=True)
Json: Any = JSONB(none_as_null=True)
Texts: Any = ARRAY(Text)
Point: Any = Geography("POINT", srid=4326, spatial_index=True)
Area: Any = Geography("MULTIPOLYGON", srid=4326, spatial_index=True)


def PrimaryId() -> Any:  # noqa: N802 - reads like the Field it returns
    """A UUIDv7 primary key."""
    return Field(default_factory=new_id, primary_key=True)


def RowNumber() -> Any:  # noqa: N802 - reads like the Field it returns
    """A bigint identity primary key that the database alone hands out."""
    return Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger,
        sa_column_args=[Identity(always=True)],
    )
