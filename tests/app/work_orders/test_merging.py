"""Reports of one fault, repaired once (DOMAIN 7, rows 21 and 22; DOMAIN 5.3)."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.core.settings import Settings
from app.evidence.storage import storage
from app.notifications.customer_models import CustomerMessage
from app.notifications.models import Notification
from app.payouts.models import LedgerEntry
from app.verification import verify
from app.work_orders import service as work_orders
from app.work_orders.models import WorkOrder
from app.work_orders.states import State
from tests.app.payouts.tables import compare
from tests.conftest import Headers
from tests.factories.orders import advance, call_back, order_in
from tests.factories.world import World


class Merging:
    """Who asks for merges over HTTP."""

    def __init__(self, client: httpx.AsyncClient, as_: Headers) -> None:
        self.client, self.as_ = client, as_

    async def merge(
        self, order: WorkOrder, into: WorkOrder, who: str = "dispatcher"
    ) -> httpx.Response:
        body = {"into_order_id": str(into.id), "reason": "同一立管"}
        return await self._post(order, "merge", body, who)

    async def split(self, order: WorkOrder) -> httpx.Response:
        return await self._post(order, "split", {"reason": "另一故障"}, "dispatcher")

    async def _post(
        self, order: WorkOrder, what: str, body: dict[str, Any], who: str
    ) -> httpx.Response:
        path = f"/work-orders/{order.id}/{what}"
        return await self.client.post(path, json=body, headers=self.as_(who))


@pytest.fixture
def desk(client: httpx.AsyncClient, as_: Headers) -> Merging:
    return Merging(client, as_)


async def told(session: AsyncSession, order: WorkOrder) -> list[str]:
    statement = select(CustomerMessage.kind).where(CustomerMessage.order_id == order.id)
    return list((await session.exec(statement.order_by(col(CustomerMessage.id)))).all())


async def paid(session: AsyncSession, order: WorkOrder) -> list[LedgerEntry]:
    statement = select(LedgerEntry).where(LedgerEntry.order_id == order.id)
    return list((await session.exec(statement)).all())


async def test_a_merged_report_follows_its_repair_tells_its_customer_and_pays_nothing(
    config: Settings, database: Database, world: World, desk: Merging
) -> None:
    async with database.transaction() as session:
        main = await order_in(session, world, State.ENROUTE, crew="A1")
        twin = await order_in(session, world, State.SENT, crew="A2", premises="锦绣家园1-2-201")
    answer = await desk.merge(twin, main)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["state"], shown["merged_into"]) == ("MERGED", str(main.id))
    assert (shown["holder"], shown["due_at"]) == (None, None)
    assert (await desk.merge(twin, main)).status_code == 409, "merged already"
    async with database.transaction() as session:
        heard = select(Notification.kind).where(Notification.order_id == twin.id)
        assert set((await session.exec(heard)).all()) == {"new", "withdrawn"}
        main = await work_orders.locked_any(session, main.id)
        await advance(session, world, main, State.REVISIT, crew="A1")
        twin = await work_orders.locked_any(session, twin.id)
        assert twin.state == "REVISIT"
        assert (await told(session, twin))[-2:] == ["merged", "restored"]
        lines, whole = await paid(session, twin), await paid(session, main)
        assert len(whole) == 2
        assert {line.technician_id for line in lines} == {line.technician_id for line in whole}
        assert {(line.points, line.amount_minor) for line in lines} == {(Decimal(0), 0)}
        assert all(line.inputs["merged"] and line.inputs["with"] == main.serial for line in lines)
        assert "并入故障事件" in lines[0].explanation_zh
        assert sum(line.amount_minor for line in whole) > 0
        await call_back(session, world, twin, solved=True, rating=5)
        assert len(await paid(session, twin)) == len(lines), "no bonus for nothing"
    again = compare(config.database_url)
    assert (again.only_stored, again.only_evaluated) == ([], [])
    assert await verify(database, storage()) == []


async def test_what_does_not_go_together_is_refused_and_a_split_order_is_dispatched_again(
    database: Database, world: World, desk: Merging
) -> None:
    async with database.transaction() as session:
        main = await order_in(session, world, State.NEW)
        twin = await order_in(session, world, State.NEW)
        power = await order_in(session, world, State.NEW, fault="P22")
        done = await order_in(session, world, State.REVISIT)
        far = await order_in(session, world, State.NEW, premises="阳光花园2-1-101")
    for order, into, why in (
        (main, main, "the same order"),
        (twin, power, "the other power"),
        (twin, done, "REVISIT"),
    ):
        answer = await desk.merge(order, into)
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:not-mergeable"
        assert why in answer.json()["why"]
    assert (await desk.merge(done, main)).json()["type"].endswith("illegal-transition")
    assert (await desk.merge(twin, main, "agent")).status_code == 403
    assert (await desk.merge(far, main, "dispatcher1")).status_code == 404
    assert (await desk.merge(main, far, "dispatcher1")).status_code == 404
    assert (await desk.merge(twin, main)).status_code == 200
    assert "are merged into" in (await desk.merge(main, far)).json()["why"]
    split = (await desk.split(twin)).json()
    assert (split["state"], split["merged_into"]) == ("NEW", None)
    assert twin.arrive_by is not None
    assert split["arrive_by"] == twin.arrive_by.isoformat().replace("+00:00", "Z")
    assert (await desk.split(twin)).status_code == 409
