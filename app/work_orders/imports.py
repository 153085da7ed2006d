"""`paigong import demand`: reports that were taken on paper, brought in with their own times."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator
from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock
from app.core.i18n import Text
from app.core.permissions import Permission, Role
from app.core.scope import Principal
from app.core.texts import Code, Line, Paragraph, Phone
from app.customers.models import Customer, Occupancy
from app.organisation.import_files import (
    ImportReport,
    Progress,
    checked,
    no_progress,
    read_table,
)
from app.work_orders import duties, intake, service
from app.work_orders.acts import Act
from app.work_orders.bodies import Flag
from app.work_orders.errors import DuplicateReport
from app.work_orders.models import WorkOrder

DEMAND_COLUMNS = (
    *("called_at", "customer_no", "caller_name", "caller_phone"),
    *("fault_code", "description", "flags"),
)
EXPECTED = {
    "called_at": Text("填写带时区的 ISO 时间，不晚于现在", "Give a past ISO time with offset"),
    "customer_no": Text("先导入该客户", "Import the customer first"),
    "caller_phone": Text("填写可拨打的号码", "Give a number that can be dialled"),
    "fault_code": Text("填写故障目录中的代码", "Give a code of the fault catalogue"),
}
IMPORTER = Principal(
    id=UUID("00000000-0000-7000-8000-0000696d706f"),
    name="paigong import",
    is_api_key=True,
    key_permissions=frozenset({Permission.ORDERS_CREATE, Permission.ORDERS_URGE}),
)
"""Who the events name: the command line, acting for the company."""


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split("|")] if isinstance(value, str) else value


class DemandRow(BaseModel):
    """One report of the file."""

    called_at: AwareDatetime
    customer_no: Code
    caller_name: Line
    caller_phone: Phone
    fault_code: Code
    description: Paragraph = ""
    flags: Annotated[list[Flag], BeforeValidator(_split)] = []


@dataclass(frozen=True, slots=True)
class _Known:
    premises: dict[str, tuple[UUID, UUID]]
    faults: frozenset[str]


async def import_demand(
    session: AsyncSession, source: Path | str, progress: Progress = no_progress
) -> ImportReport:
    """Make an order of each report, in the order of their times; a file with errors does nothing.

    A report about trouble that is open already urges that order (counted as updated); one that
    was imported before, by customer, time and fault, changes nothing.
    """
    report = ImportReport()
    rows = [
        (line, row)
        for line, cells in read_table(source, DEMAND_COLUMNS, report)
        if (row := checked(cells, line, DemandRow, report, EXPECTED)) is not None
    ]
    known = await _known(session, {row.customer_no for _, row in rows})
    for line, row in rows:
        _check(line, row, known, report)
    if report.errors:
        return report
    rows.sort(key=lambda each: each[1].called_at)
    for done, (_, row) in enumerate(rows, 1):
        await _take(session, row, known, report)
        progress(done, len(rows))
    return report


def _check(line: int, row: DemandRow, known: _Known, report: ImportReport) -> None:
    if row.customer_no not in known.premises:
        why = Text("没有该客户或其户址", "no such customer with premises")
        report.refuse(line, "customer_no", why, EXPECTED["customer_no"])
    if row.fault_code not in known.faults:
        why = Text("目录中没有该代码", "the catalogue has no such code")
        report.refuse(line, "fault_code", why, EXPECTED["fault_code"])
    if row.called_at > clock.now() + timedelta(minutes=1):
        report.refuse(line, "called_at", Text("晚于现在", "it lies ahead"), EXPECTED["called_at"])


async def _known(session: AsyncSession, customer_nos: set[str]) -> _Known:
    found = await session.execute(
        select(col(Customer.customer_no), col(Customer.id), col(Occupancy.premises_id))
        .join(Occupancy, col(Occupancy.customer_id) == col(Customer.id))
        .where(col(Customer.customer_no).in_(customer_nos))
        .order_by(col(Occupancy.id))
    )
    premises: dict[str, tuple[UUID, UUID]] = {}
    for number, customer_id, premises_id in found:
        premises.setdefault(number, (customer_id, premises_id))
    faults = frozenset(fault.code for fault in await catalogue.faults(session))
    return _Known(premises, faults)


async def _take(session: AsyncSession, row: DemandRow, known: _Known, report: ImportReport) -> None:
    customer_id, premises_id = known.premises[row.customer_no]
    before = select(col(WorkOrder.id)).where(
        col(WorkOrder.customer_id) == customer_id,
        col(WorkOrder.reported_at) == row.called_at,
        col(WorkOrder.fault_code) == row.fault_code,
    )
    if (await session.execute(before)).first() is not None:
        report.count("unchanged")
        return
    act = Act(kind="api_key", at=row.called_at, principal=IMPORTER, role=Role.AGENT)
    said = intake.Report(
        channel="import",
        caller_name=row.caller_name,
        caller_phone=row.caller_phone,
        fault_code=row.fault_code,
        description=row.description,
        premises_id=premises_id,
        customer_id=customer_id,
        flags=frozenset(row.flags),
    )
    try:
        await intake.take(session, IMPORTER, said, act)
        report.count("created")
    except DuplicateReport as twin:
        order = await service.locked_any(session, UUID(twin.members["order"]["id"]))
        await duties.urge(session, order, act, "called again (import)")
        report.count("updated")
