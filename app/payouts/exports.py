"""Statements as a workbook that people open, and the payroll as CSV that a program reads."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from math import ceil
from unicodedata import east_asian_width

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from app.core.i18n import Language, Text
from app.payouts.explain import yuan
from app.payouts.policy import Sum
from app.payouts.service import Statement

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HEADS = (
    Text("序号", "No."),
    Text("工单", "Order"),
    Text("类别", "Kind"),
    Text("规则", "Rule"),
    Text("积分", "Points"),
    Text("金额（元）", "Amount (CNY)"),
    Text("状态", "Standing"),
    Text("说明", "Explanation"),
)
_WIDTHS = (8, 20, 10, 24, 12, 16, 12, 80)
_NUMBERS = (1, 5, 6)
_LINE_PT = 15
"""Height of a line of text; programs that print do not find out themselves what wraps."""
_GREY = "FFE7E6E6"
KINDS = {
    "EARN": Text("计件", "Earned"),
    "BONUS": Text("奖励", "Bonus"),
    "DEDUCT": Text("扣减", "Deduction"),
    "REVERSE": Text("冲回", "Reversal"),
    "ADJUST": Text("更正", "Correction"),
    "CARRY": Text("结转", "Carried"),
}
_STANDINGS = {
    "provisional": Text("暂计", "provisional"),
    "confirmed": Text("已确认", "confirmed"),
    "locked": Text("已锁定", "locked"),
    "settled": Text("已结算", "settled"),
}
_TOTAL = Text("合计", "Total")
_PAYROLL = (
    *("month", "state", "settlement_unit", "employee_no", "name"),
    *("points", "amount_yuan", "amount_minor"),
)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def workbook(statements: Sequence[Statement], month: str, language: Language) -> bytes:
    """A sheet per technician: every line with its explanation, and sums that are formulas.

    Amounts are numbers in yuan with two decimals. Text that a program might run is kept text.
    """
    book = Workbook()
    book.remove(book.active)
    for statement in statements:
        _sheet(book, statement, month, language)
    if not statements:
        book.create_sheet(month)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _sheet(book: Workbook, statement: Statement, month: str, language: Language) -> None:
    person = statement.technician
    sheet = book.create_sheet(_safe(person.employee_no)[:31])
    sheet.append([_safe(person.name), _safe(person.employee_no), month, statement.settlement_unit])
    sheet.append([head.of(language) for head in _HEADS])
    for line in statement.lines:
        entry = line.row.entry
        words = Text(entry.explanation_zh, entry.explanation_en)
        sheet.append(
            [
                entry.seq,
                line.row.serial,
                KINDS[entry.kind].of(language),
                entry.rule,
                entry.points,
                Decimal(entry.amount_minor) / 100,
                _STANDINGS[line.row.standing].of(language),
                _safe(words.of(language)),
            ]
        )
    last = len(statement.lines) + 2
    sums = [f"=SUM({column}3:{column}{last})" if last > 2 else 0 for column in "EF"]
    sheet.append([_TOTAL.of(language), None, None, None, *sums])
    _dress(sheet, last + 1)


def _dress(sheet: Worksheet, last: int) -> None:
    """To be read and printed: a page wide, long explanations wrapped, sums set apart."""
    for cell in (*sheet[1], *sheet[2], *sheet[last]):
        cell.font = Font(bold=True)
    for cell in sheet[2]:
        cell.fill = PatternFill("solid", fgColor=_GREY)
    for cell in sheet[last]:
        cell.border = Border(top=Side("thin"))
    for row in sheet.iter_rows(min_row=3, max_row=last):
        for cell in row:
            side = "right" if cell.column in _NUMBERS else "left"
            long = cell.column == len(_WIDTHS)
            cell.alignment = Alignment(side, "top", wrap_text=long, indent=1)
        said = str(row[-1].value or "")
        sheet.row_dimensions[row[0].row].height = _LINE_PT * _lines(said, _WIDTHS[-1])
        for cell in row[4:6]:
            cell.number_format = "#,##0.00"
    for number, width in enumerate(_WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "A3"
    sheet.print_title_rows = "1:2"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _lines(text: str, width: int) -> int:
    """How many lines of `width` columns a text takes; a Chinese character takes two columns."""
    columns = sum(2 if east_asian_width(letter) in "WFA" else 1 for letter in text)
    return max(1, ceil(columns / (width - 4)))


def _safe(text: str) -> str:
    """A cell that begins like a formula begins with an apostrophe instead."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _by_unit(statement: Statement) -> dict[str, Sum]:
    """Who moved within the month is paid by both units."""
    found: dict[str, Sum] = {}
    for line in statement.lines:
        entry, before = line.row.entry, found.get(line.settlement_unit, Sum())
        found[line.settlement_unit] = before.plus(entry.points, entry.amount_minor)
    return found


def payroll(statements: Sequence[Statement], month: str, state: str) -> str:
    """One line per technician and settlement unit: what is to be paid, in yuan and in fen.

    `state` is the month's: before it is locked the sums may still change.
    """
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(_PAYROLL)
    for each in statements:
        number, name = _safe(each.technician.employee_no), _safe(each.technician.name)
        for unit, total in sorted(_by_unit(each).items()):
            minor = total.amount_minor
            said = (month, state, _safe(unit), number, name, total.points, yuan(minor), minor)
            rows.writerow(said)
    return written.getvalue()
