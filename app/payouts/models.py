"""Piece-rate pay: dated rate cards and a ledger that only grows."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint, literal_column
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, SQLModel

from app.core.columns import Instant, Json, Points, PrimaryId, RowNumber

UNIT = "settlement_unit"
"""Among an entry's inputs: the unit under which the person was settled when it was written. Entries
of before 2026-11 have none; for them the unit of the present station holds."""


class RateCard(SQLModel, table=True):
    """What a point is worth and how it is earned, for a span of local dates without overlap."""

    __tablename__ = "rate_cards"
    __table_args__ = (
        ExcludeConstraint(
            (literal_column("daterange(effective_from, effective_to)"), "&&"),
            name="ex_rate_cards_overlap",
            using="gist",
        ),
    )

    id: UUID = PrimaryId()
    name: str = Field(unique=True)
    effective_from: date
    effective_to: date | None = None
    """Exclusive; null is open-ended."""
    point_minor: int
    """Fen per point."""
    rules: dict[str, Any] = Field(sa_type=Json)
    """Outcome factors, time bands, default shares (DOMAIN section 5)."""
    source: str


class LedgerEntry(SQLModel, table=True):
    """One line of pay, append-only and chained per technician (triggers refuse change)."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("technician_id", "seq"),
        UniqueConstraint("order_id", "rule", "technician_id", "cause"),
        CheckConstraint(
            "kind IN ('EARN','BONUS','DEDUCT','REVERSE','ADJUST','CARRY')", name="kind"
        ),
    )

    id: int | None = RowNumber()
    technician_id: UUID = Field(foreign_key="technicians.id")
    seq: int
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    kind: str
    rule: str
    cause: str
    period: str = Field(index=True)
    """Local month, `2026-01`."""
    points: Decimal = Field(sa_type=Points)
    amount_minor: int
    rate_card_id: UUID = Field(foreign_key="rate_cards.id")
    inputs: dict[str, Any] = Field(sa_type=Json)
    explanation_zh: str
    explanation_en: str
    refers_to: int | None = Field(default=None, foreign_key="ledger_entries.id")
    created_at: datetime = Field(sa_type=Instant)
    prev_hash: str
    hash: str


class LedgerStanding(SQLModel, table=True):
    """What became of an entry: confirmed, locked, settled. Rows, never edits."""

    __tablename__ = "ledger_standings"
    __table_args__ = (
        UniqueConstraint("entry_id", "standing"),
        CheckConstraint("standing IN ('confirmed','locked','settled')", name="standing"),
    )

    id: int | None = RowNumber()
    entry_id: int = Field(foreign_key="ledger_entries.id")
    standing: str
    why: str
    at: datetime = Field(sa_type=Instant)
    by: UUID | None = None


class LedgerHead(SQLModel, table=True):
    """The end of one technician's chain; locked in ascending technician id."""

    __tablename__ = "ledger_heads"

    technician_id: UUID = Field(foreign_key="technicians.id", primary_key=True)
    seq: int
    hash: str
