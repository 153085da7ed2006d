"""`paigong import customers`: all or nothing per file, and safe to repeat."""

from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.i18n import Text
from app.customers.import_rows import (
    CUSTOMER_COLUMNS,
    EXPECTED,
    CustomerRow,
    PlacedRow,
    check_agreement,
    check_stations,
    place_rows,
)
from app.customers.import_writes import CHUNK, Ids, write_chunk
from app.organisation.import_files import (
    ImportReport,
    Progress,
    checked,
    chunks,
    no_progress,
    read_table,
)

__all__ = ["CUSTOMER_COLUMNS", "import_customers"]


async def import_customers(
    session: AsyncSession, source: Path | str, progress: Progress = no_progress
) -> ImportReport:
    """Bring customers, premises, buildings and flags by customer number.

    `source` is a path or CSV text; a file with any error writes nothing. Repeating a file changes
    nothing. Phones and premises are added, never taken away; arrears, suspension and alteration
    become those of the file, while vulnerable and key_customer, which people note, are only added.
    Rows go in chunks of a few statements each: 100 000 take minutes, not hours.
    """
    report = ImportReport()
    rows = _read(source, report)
    place_rows(rows)
    check_agreement(rows, report)
    stations = await check_stations(session, rows, report)
    if report.errors:
        report.errors.sort(key=lambda error: error.line)
        return report
    ids = Ids(stations=stations)
    done = 0
    for part in chunks(rows, CHUNK):
        await write_chunk(session, part, ids, report)
        done += len(part)
        progress(done, len(rows))
    return report


def _read(source: Path | str, report: ImportReport) -> list[PlacedRow]:
    rows = []
    for line, cells in read_table(source, CUSTOMER_COLUMNS, report):
        row = checked(cells, line, CustomerRow, report, EXPECTED)
        if row is None:
            continue
        if abs(row.lon) < 1 and abs(row.lat) < 1:
            why = Text("0,0 不是有效位置", "0,0 is no place")
            report.refuse(line, "lon", why, EXPECTED["lon"])
            continue
        rows.append(PlacedRow(line, row))
    return rows
