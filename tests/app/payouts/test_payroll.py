"""The payroll as a program reads it."""

from datetime import UTC, datetime
from decimal import Decimal

from app.core.ids import new_id
from app.organisation.models import Technician
from app.payouts.exports import payroll
from app.payouts.models import UNIT, LedgerEntry
from app.payouts.policy import Sum, totals
from app.payouts.repository import EntryRow
from app.payouts.service import Line, Statement


def line(unit: str, points: str, minor: int) -> Line:
    entry = LedgerEntry(
        technician_id=new_id(),
        seq=1,
        order_id=new_id(),
        kind="EARN",
        rule="piece",
        cause="passed",
        period="2026-01",
        points=Decimal(points),
        amount_minor=minor,
        rate_card_id=new_id(),
        inputs={UNIT: unit},
        explanation_zh="",
        explanation_en="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        prev_hash="",
        hash="",
    )
    return Line(EntryRow(entry, "W1", "card", "confirmed"), unit)


def test_whoever_moves_within_a_month_is_paid_by_both_units() -> None:
    person = Technician(
        user_id=new_id(), station_id=new_id(), employee_no="E-1", name="=Li", phone="1"
    )
    lines = [line("HUADONG", "2.00", 1000), line("CO", "1.50", 750), line("CO", "-1.60", -805)]
    whole = totals(
        ("confirmed", Sum(1, each.row.entry.points, each.row.entry.amount_minor)) for each in lines
    )
    text = payroll([Statement(person, "CO", lines, whole)], "2026-01", "locked")
    assert text.splitlines()[1:] == [
        "2026-01,locked,CO,E-1,'=Li,-0.10,-0.55,-55",
        "2026-01,locked,HUADONG,E-1,'=Li,2.00,10.00,1000",
    ]
