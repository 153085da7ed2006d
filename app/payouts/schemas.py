"""What readers of pay get. Points are exact decimal strings, money is in fen."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from app.core.i18n import Language, Text
from app.payouts.models import RateCard
from app.payouts.policy import Totals
from app.payouts.service import Line, Statement, Summary
from app.web.wire import Out

Month = Annotated[str, Field(pattern=r"^20\d{2}-(0[1-9]|1[0-2])$")]
"""A local month, `2026-01`."""
Standing = Literal["provisional", "confirmed", "locked", "settled"]


class SumOut(Out):
    """Entries, points and fen, added exactly."""

    entries: int
    points: Decimal
    amount_minor: int


class TotalsOut(Out):
    """All of it, and each standing's part."""

    total: SumOut
    by_standing: dict[Standing, SumOut]

    @classmethod
    def of(cls, totals: Totals) -> Self:
        return cls.model_validate(totals)


class PayLineOut(Out):
    """One ledger entry: what it is for, by which rule and inputs, and where it stands."""

    entry_id: int
    seq: int
    order_id: UUID
    serial: str
    kind: Literal["EARN", "BONUS", "DEDUCT", "REVERSE", "ADJUST", "CARRY"]
    rule: str
    cause: str
    rate_card: str
    inputs: dict[str, Any]
    """All that the line was computed from; decimals are strings."""
    points: Decimal
    amount_minor: int
    standing: Standing
    settlement_unit: str
    """Under which code it is paid: that of the technician's station when it was earned."""
    explanation: str
    """Step by step, in the reader's language."""
    created_at: datetime
    hash: str

    @classmethod
    def of(cls, line: Line, language: Language) -> Self:
        row = line.row
        words = Text(row.entry.explanation_zh, row.entry.explanation_en)
        return cls.model_validate(
            row.entry.model_dump()
            | {
                "entry_id": row.entry.id,
                "serial": row.serial,
                "rate_card": row.card,
                "standing": row.standing,
                "settlement_unit": line.settlement_unit,
                "explanation": words.of(language),
            }
        )


class StatementOut(Out):
    """A technician's local month; the totals are exactly those of the lines."""

    technician_id: UUID
    employee_no: str
    name: str
    station_id: UUID
    settlement_unit: str
    """Of the last line, else of the present station: after a move within the month lines differ,
    and the filter gives each unit its own."""
    month: str
    lines: list[PayLineOut]
    totals: TotalsOut

    @classmethod
    def of(cls, statement: Statement, month: str, language: Language) -> Self:
        person = statement.technician
        return cls(
            technician_id=person.id,
            employee_no=person.employee_no,
            name=person.name,
            station_id=person.station_id,
            settlement_unit=statement.settlement_unit,
            month=month,
            lines=[PayLineOut.of(line, language) for line in statement.lines],
            totals=TotalsOut.of(statement.totals),
        )


class StationTotalsOut(TotalsOut):
    """One station's part that is settled under one unit."""

    station_id: UUID
    settlement_unit: str


class SummaryOut(Out):
    """A month in your scope; technicians count where they belong now."""

    month: str
    technicians: int
    totals: TotalsOut
    stations: list[StationTotalsOut]

    @classmethod
    def of(cls, summary: Summary, month: str) -> Self:
        return cls(
            month=month,
            technicians=summary.technicians,
            totals=TotalsOut.of(summary.totals),
            stations=[
                StationTotalsOut(**part._asdict(), **TotalsOut.of(sums).model_dump())
                for part, sums in summary.parts.items()
            ],
        )


class RateCardOut(Out):
    """What a point is worth and how it is earned, for a span of local dates."""

    id: UUID
    name: str
    effective_from: date
    effective_to: date | None
    """Exclusive; null is open-ended."""
    point_minor: int
    """Fen per point."""
    rules: dict[str, Any]
    source: str
    current: bool

    @classmethod
    def of(cls, card: RateCard, *, current: bool) -> Self:
        return cls.model_validate(card.model_dump() | {"current": current})
