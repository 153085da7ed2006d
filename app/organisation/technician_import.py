"""Technicians from a file: accounts, skills with certificates, crews."""

from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from app.organisation.import_files import (
    ImportReport,
    Progress,
    checked,
    no_progress,
    read_table,
)
from app.organisation.technician_rows import (
    EXPECTED,
    TECHNICIAN_COLUMNS,
    TechnicianRow,
    check_crews,
    check_people,
    on_record,
)
from app.organisation.technician_writes import end_old_memberships, write


async def import_technicians(
    session: AsyncSession, source: Path | str, progress: Progress = no_progress
) -> ImportReport:
    """Register technicians by employee number; a file with any error writes nothing.

    `source` is a path or CSV text. New accounts get a password that nobody knows until an
    administrator sets one, and the role technician on their station. Skills become those of the
    file; a crew that is missing is formed; people on record but not in the file stay as they are.
    """
    report = ImportReport()
    rows = [
        (line, row)
        for line, cells in read_table(source, TECHNICIAN_COLUMNS, report)
        if (row := checked(cells, line, TechnicianRow, report, EXPECTED)) is not None
    ]
    known = await on_record(session)
    check_people(rows, known, report)
    check_crews(rows, known, report)
    if report.errors:
        return report
    await end_old_memberships(session, (row for _, row in rows), known)
    for done, (_, row) in enumerate(rows, start=1):
        report.count(await write(session, row, known))
        progress(done, len(rows))
    return report
