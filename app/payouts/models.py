"""Piece-rate pay: dated rate cards and a ledger that only grows."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, literal_column, text
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
    """Everything of DOMAIN section 5 that is data; `app.payouts.card` reads it."""
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


class PayMonthAct(SQLModel, table=True):
    """One step of a month's closing, append-only; the last one says where the month stands.

    `draft` may come several times, the others once (DOMAIN 5.9).
    """

    __tablename__ = "pay_month_acts"
    __table_args__ = (
        CheckConstraint("act IN ('draft','published','locked','settled')", name="act"),
        Index(
            "uq_pay_month_acts_once",
            "month",
            "act",
            unique=True,
            postgresql_where=text("act <> 'draft'"),
        ),
    )

    id: int | None = RowNumber()
    month: str
    act: str
    at: datetime = Field(sa_type=Instant)
    by: UUID = Field(foreign_key="users.id")
    by_name: str
    totals: dict[str, Any] = Field(sa_type=Json)
    """Entries, points, fen and technicians at that moment; with the draft, what to look at."""


class PayFinding(SQLModel, table=True):
    """A deduction that a person attributed to a person, with reasons; append-only (DOMAIN 5.5)."""

    __tablename__ = "pay_findings"
    __table_args__ = (
        UniqueConstraint("order_id", "technician_id", "kind"),
        CheckConstraint(
            "kind IN ('late_arrival','late_done','low_rating','complaint','false_proof')",
            name="kind",
        ),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id")
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    kind: str
    reason: str
    decided_by: UUID = Field(foreign_key="users.id")
    decided_at: datetime = Field(sa_type=Instant)


class PayAdjustment(SQLModel, table=True):
    """A correction that one person proposes and another approves; only then it is an entry."""

    __tablename__ = "pay_adjustments"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="two_persons"),
        CheckConstraint("(decided_at IS NULL) = (approved IS NULL)", name="decided"),
    )

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    points: Decimal = Field(sa_type=Points)
    """May be negative."""
    reason: str
    proposed_by: UUID = Field(foreign_key="users.id")
    proposed_at: datetime = Field(sa_type=Instant)
    decided_by: UUID | None = Field(default=None, foreign_key="users.id")
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    approved: bool | None = None
    decision_reason: str | None = None


class PayAppeal(SQLModel, table=True):
    """A technician contests an entry of a published month; station first, then company."""

    __tablename__ = "pay_appeals"
    __table_args__ = (
        UniqueConstraint("entry_id"),
        CheckConstraint("station_verdict IN ('granted','refused')", name="station_verdict"),
        CheckConstraint("company_verdict IN ('granted','refused')", name="company_verdict"),
        CheckConstraint("company_by IS NULL OR company_by <> station_by", name="two_persons"),
        CheckConstraint(
            "station_points IS NULL OR (station_points > 0 AND station_verdict = 'granted')",
            name="station_points",
        ),
    )

    id: UUID = PrimaryId()
    entry_id: int = Field(sa_type=BigInteger, foreign_key="ledger_entries.id")
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    month: str = Field(index=True)
    """In which it was raised: the month of the statement."""
    reason: str
    raised_by: UUID = Field(foreign_key="users.id")
    raised_at: datetime = Field(sa_type=Instant)
    station_due_at: datetime = Field(sa_type=Instant)
    company_due_at: datetime = Field(sa_type=Instant)
    station_verdict: str | None = None
    station_reason: str | None = None
    station_points: Decimal | None = Field(default=None, sa_type=Points)
    """What the station found missing from a payment; the company adds at most that."""
    station_by: UUID | None = Field(default=None, foreign_key="users.id")
    station_at: datetime | None = Field(default=None, sa_type=Instant)
    company_verdict: str | None = None
    company_reason: str | None = None
    company_by: UUID | None = Field(default=None, foreign_key="users.id")
    company_at: datetime | None = Field(default=None, sa_type=Instant)
    points: Decimal | None = Field(default=None, sa_type=Points)
    """What a granted appeal against a payment adds; against a deduction or reversal it is null."""


class PayQuestion(SQLModel, table=True):
    """Something unusual that a person looks at; it never cuts pay by itself (DOMAIN 5.8)."""

    __tablename__ = "pay_questions"
    __table_args__ = (
        UniqueConstraint("month", "technician_id", "kind", "subject"),
        CheckConstraint(
            "kind IN ('points_a_day','hours_a_day','fast_accepts','impossible_travel')",
            name="kind",
        ),
        CheckConstraint("verdict IN ('in_order','to_be_followed_up')", name="verdict"),
    )

    id: UUID = PrimaryId()
    month: str = Field(index=True)
    technician_id: UUID = Field(foreign_key="technicians.id", index=True)
    kind: str
    subject: str
    """The local day, or the two orders."""
    facts: dict[str, Any] = Field(sa_type=Json)
    found_at: datetime = Field(sa_type=Instant)
    verdict: str | None = None
    reason: str | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="users.id")
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
