"""`paigong import demand`"""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.work_orders.imports import import_demand
from app.work_orders.models import WorkOrder

HEADER = "called_at,customer_no,caller_name,caller_phone,fault_code,description,flags\n"
COLD = "2026-01-15T07:10:00+08:00,C0001,王女士,13900000001,H01,不热,vulnerable\n"


async def orders(session: AsyncSession) -> list[WorkOrder]:
    return list((await session.exec(select(WorkOrder))).all())


class TestImportDemand:
    async def test_an_order_keeps_the_time_of_its_call(self, session: AsyncSession) -> None:
        report = await import_demand(session, HEADER + COLD)
        assert (report.created, report.errors) == (1, [])
        (order,) = await orders(session)
        assert order.reported_at.isoformat() == "2026-01-14T23:10:00+00:00"
        assert order.state == "NEW"

    async def test_a_second_import_changes_nothing(self, session: AsyncSession) -> None:
        await import_demand(session, HEADER + COLD)
        report = await import_demand(session, HEADER + COLD)
        assert (report.created, report.unchanged) == (0, 1)
        assert len(await orders(session)) == 1

    async def test_a_second_call_urges(self, session: AsyncSession) -> None:
        again = COLD.replace("07:10", "07:40")
        report = await import_demand(session, HEADER + COLD + again)
        assert (report.created, report.updated) == (1, 1)
        assert (await orders(session))[0].urges == 1

    async def test_one_wrong_row_keeps_the_whole_file_out(self, session: AsyncSession) -> None:
        wrong = COLD.replace("C0001", "C9999").replace("H01", "Z99")
        report = await import_demand(session, HEADER + COLD + wrong)
        assert [(error.line, error.column) for error in report.errors] == [
            (3, "customer_no"),
            (3, "fault_code"),
        ]
        assert await orders(session) == []

    async def test_a_time_without_offset_or_ahead_is_refused(self, session: AsyncSession) -> None:
        bare = COLD.replace("+08:00", "")
        ahead = COLD.replace("2026-01-15T07", "2026-01-16T07")
        report = await import_demand(session, HEADER + bare + ahead)
        assert [(error.line, error.column) for error in report.errors] == [
            (2, "called_at"),
            (3, "called_at"),
        ]
