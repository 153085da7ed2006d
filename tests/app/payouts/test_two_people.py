"""Who may decide on pay together, and who waits for whom, over the real ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.identity import service as identity
from app.payouts import appeals, due, ledger, sweep
from app.payouts.models import LedgerEntry
from app.payouts.repository import MONTHS_LOCK
from app.work_orders.states import State
from tests.app.payouts.forging import unfound
from tests.app.payouts.test_months import WHY, Office, books, differences, entries, office
from tests.factories.orders import order_in, person
from tests.factories.world import World

__all__ = ["office"]


async def _appeal(office: Office, entry_id: int) -> str:
    appeal = await office.post("tech03", f"/payouts/entries/{entry_id}/appeal", **WHY)
    return f"/payouts/appeals/{appeal['id']}"


@asynccontextmanager
async def _month_stays(database: Database) -> AsyncIterator[AsyncSession]:
    """A session under whose work nobody can take a step of a month."""
    async with books(database) as session, books(database) as other:
        yield session
        closing = select(func.pg_try_advisory_xact_lock(MONTHS_LOCK))
        assert not (await other.exec(closing)).one()


class TestAppeals:
    async def test_two_people_name_what_is_added_and_no_decider_judges(
        self, office: Office, database: Database, database_url: str, app: object, world: World
    ) -> None:
        async with books(database) as session:
            order = await order_in(session, world, State.CLOSED)
            more = [
                await order_in(session, world, State.CLOSED, premises=f"锦绣家园3-1-10{number}")
                for number in (1, 2)
            ]
            await identity.grant(
                session, world.users["reviewer"], Role.STATION_CHIEF, world.stations["S01"]
            )
        said: dict[str, Any] = {
            "order_id": str(order.id),
            "technician_id": str(world.technicians["tech03"]),
        }
        found = await office.post("chief1", "/payouts/findings", **said, kind="late_done", **WHY)
        january = await entries(database, "2026-01")
        earned = {e.order_id: e.id or 0 for e in january if e.kind == "EARN"}
        much = await office.post("chief1", "/payouts/adjustments", **said, points="-5.5", **WHY)
        path = f"/payouts/adjustments/{much['id']}/decision"
        # 6.00 less 0.60 leave 5.40.
        await office.post("manager", path, 409, approved=True, **WHY)

        clock.advance(timedelta(days=18))
        await office.act("draft")
        await office.act("published")
        against_finding = await _appeal(office, found["entry_id"])
        await office.post("chief1", f"{against_finding}/answer", 403, verdict="refused", **WHY)

        for_more = await _appeal(office, earned[order.id])
        await office.post("reviewer", f"{for_more}/answer", 403, verdict="refused", **WHY)
        await office.post("chief1", f"{for_more}/answer", verdict="refused", **WHY)
        granted: dict[str, Any] = {"verdict": "granted", **WHY}
        await office.post("manager", f"{for_more}/decision", 422, points="-1", **granted)
        decided = await office.post("manager", f"{for_more}/decision", points="1", **granted)
        assert decided["posted"] is None and decided["company_verdict"] == "granted"
        await self._most_that_the_station_named(
            office, database, world, [earned[e.id] for e in more]
        )
        less = "UPDATE pay_appeals SET station_points = 0.4 WHERE points = 0.5"
        assert await unfound(database_url, {"nobody agreed": less}) == {}

        february = "/payouts/months/2026-02/acts"
        clock.advance(timedelta(days=28))
        await office.post("pay_clerk", february, act="draft")
        await office.post("pay_clerk", february, 409, act="published")  # January is not locked
        await office.act("locked")
        await office.post("pay_clerk", february, act="published")
        assert await differences(database) == []

    async def _most_that_the_station_named(
        self, office: Office, database: Database, world: World, lines: list[int]
    ) -> None:
        """The company adds that much at once; for more it asks somebody else."""
        granted: dict[str, Any] = {"verdict": "granted", **WHY}
        paths = []
        for line in lines:
            async with _month_stays(database) as session:
                tech03 = await person(session, world, "tech03")
                raised = await appeals.raise_appeal(session, tech03, line, "漏记")
            paths.append(f"/payouts/appeals/{raised.id}")
            await office.post("chief1", f"{paths[-1]}/answer", 422, **granted)
            answered = await office.post("chief1", f"{paths[-1]}/answer", points="1", **granted)
            assert answered["station_points"] == "1"
        decided = await office.post("manager", f"{paths[0]}/decision", points="1.5", **granted)
        assert decided["posted"] is None and decided["company_verdict"] == "granted"
        async with _month_stays(database) as session:
            manager = await person(session, world, "manager")
            half = Decimal("0.5")
            await appeals.decide(session, manager, raised.id, "granted", "属实", half)
        adjusted = [e for e in await entries(database, "2026-01") if e.rule == "adjust"]
        assert [(e.refers_to, e.points) for e in adjusted] == [(lines[1], half)]
        assert await differences(database) == []


class TestWaiting:
    async def test_lines_are_read_under_the_orders_lock_and_a_sweep_passes_it_by(
        self, database: Database, app: object, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep, "AT_ONCE", 1)
        async with books(database) as session:
            held = await order_in(session, world, State.CLOSED)
            free = [
                await order_in(session, world, State.CLOSED, premises=f"锦绣家园3-1-10{number}")
                for number in (1, 2)
            ]
        clock.advance(timedelta(days=16))
        async with books(database) as one, books(database) as other:
            assert len(await ledger.locked_lines(one, {held.id})) == 1
            assert not await due.lock_free(other, held.id)
            assert await sweep.add_for_lasting(other) == len(free)
        async with books(database) as session:
            assert await sweep.add_for_lasting(session) == 1
            paid = select(LedgerEntry.order_id).where(col(LedgerEntry.kind) == "BONUS")
            assert set((await session.exec(paid)).all()) == {held.id, *(o.id for o in free)}


async def test_nobody_calls_back_their_own_work(
    office: Office, database: Database, app: object, world: World
) -> None:
    async with books(database) as session:
        order = await order_in(session, world, State.REVISIT)
        await identity.grant(session, world.users["tech03"], Role.REVISITOR, None)
    path, said = f"/work-orders/{order.id}/revisits", {"reached": True, "solved": True}
    refused = await office.post("tech03", path, 403, **said)
    assert refused["type"].endswith("calls-back-own-work")
    await office.post("revisitor", path, **said)
