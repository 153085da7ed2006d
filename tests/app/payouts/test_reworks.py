"""Reworks: proposed within the window, attributed by others, reversed and paid by cause."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.payouts import reworks
from app.payouts.models import LedgerEntry
from app.revisits.errors import AlreadyAttributed, AttributesOwnWork
from app.revisits.models import ReworkCase
from app.work_orders.models import WorkOrder
from app.work_orders.states import State
from tests.app.payouts.test_hooks import entries_of, standings_of
from tests.conftest import Headers
from tests.factories.orders import advance, call_back, order_in, person, rework_of
from tests.factories.world import World


async def case_of(session: AsyncSession, order: WorkOrder) -> ReworkCase | None:
    statement = select(ReworkCase).where(ReworkCase.order_id == order.id)
    return (await session.exec(statement)).one_or_none()


async def decide(
    session: AsyncSession, world: World, order: WorkOrder, cause: str, by: str = "reviewer"
) -> None:
    case = await case_of(session, order)
    assert case is not None
    who = await person(session, world, by)
    await reworks.attribute(session, who, case.id, cause, "照片显示接头未拧紧")


async def sums(session: AsyncSession, world: World) -> dict[str, tuple[Decimal, int]]:
    """Points and fen by username, over everything."""
    entries = (await session.exec(select(LedgerEntry).order_by(col(LedgerEntry.id)))).all()
    names = {technician: name for name, technician in world.technicians.items()}
    found: dict[str, tuple[Decimal, int]] = {}
    for each in entries:
        points, minor = found.get(names[each.technician_id], (Decimal("0.00"), 0))
        found[names[each.technician_id]] = (points + each.points, minor + each.amount_minor)
    return found


class TestProposal:
    async def test_only_the_same_fault_group_at_the_same_premises_within_the_window(
        self, session: AsyncSession, world: World
    ) -> None:
        first = await order_in(session, world, State.CLOSED)
        at_once = await order_in(session, world, State.NEW)
        elsewhere = await order_in(session, world, State.NEW, premises="锦绣家园1-1-102")
        other = await order_in(session, world, State.NEW, fault="P01")
        clock.advance(timedelta(days=15))
        last = await order_in(session, world, State.NEW)
        clock.advance(timedelta(microseconds=1))
        late = await order_in(session, world, State.NEW)
        case = await case_of(session, at_once)
        assert case is not None
        assert (case.original_id, case.found_by, case.window_days) == (first.id, "report", 15)
        assert await case_of(session, last) is not None
        for order in (first, elsewhere, other, late):
            assert await case_of(session, order) is None

    async def test_of_several_the_last_repair_is_the_original(
        self, session: AsyncSession, world: World
    ) -> None:
        await order_in(session, world, State.CLOSED)
        clock.advance(timedelta(days=1))
        second = await order_in(session, world, State.REVISIT)
        clock.advance(timedelta(days=1))
        await order_in(session, world, State.REVISIT, outcome="absent")  # nobody repaired anything
        third = await order_in(session, world, State.NEW)
        case = await case_of(session, third)
        assert case is not None and case.original_id == second.id


class TestWorkmanship:
    async def test_takes_all_back_from_the_pair_and_pays_the_others_fully(
        self, session: AsyncSession, world: World
    ) -> None:
        first = await order_in(session, world, State.REVISIT, fault="H10", crew="A1")
        await call_back(session, world, first, solved=True, rating=5)
        again = await order_in(session, world, State.NEW, fault="H10", crew="A1")
        clock.advance(timedelta(days=20))  # February: January is not closed, but not the open one
        await decide(session, world, again, "workmanship")
        back = [each for each in await entries_of(session, first) if each.kind == "REVERSE"]
        assert {str(each.points) for each in back} == {"-11.00", "-9.00", "-0.55", "-0.45"}
        assert {each.period for each in back} == {"2026-02"}
        assert all("照片显示接头未拧紧" in each.explanation_zh for each in back)
        assert set((await sums(session, world)).values()) == {(Decimal("0.00"), 0)}
        assert set(await standings_of(session, first)) == {"confirmed"}

    @pytest.mark.parametrize("decided_first", [True, False])
    async def test_the_repetition_pays_the_same_person_nothing_whenever_it_is_decided(
        self, session: AsyncSession, world: World, decided_first: bool
    ) -> None:
        first = await order_in(session, world, State.REVISIT, crew="A2")
        again = await rework_of(session, await call_back(session, world, first, solved=False))
        if decided_first:
            await decide(session, world, again, "workmanship")
        await advance(session, world, again, State.CLOSED, crew="A2")
        if not decided_first:
            await decide(session, world, again, "workmanship")
        assert await sums(session, world) == {"tech03": (Decimal("0.00"), 0)}
        lines = await entries_of(session, again)
        assert lines[0].inputs["attribution"] == ("workmanship" if decided_first else "pending")
        assert len(lines) == (1 if decided_first else 2)

    async def test_another_who_repairs_it_is_paid_in_full(
        self, session: AsyncSession, world: World
    ) -> None:
        first = await order_in(session, world, State.CLOSED, crew="A2")
        again = await order_in(session, world, State.NEW)
        await decide(session, world, again, "workmanship")
        await advance(session, world, again, State.CLOSED, crew="A3")
        assert await sums(session, world) == {
            "tech03": (Decimal("0.00"), 0),
            "tech04": (Decimal("6.00"), 3000),
        }
        assert "责任：施工质量" in (await entries_of(session, again))[0].explanation_zh
        assert first.state == "CLOSED"


class TestOtherCauses:
    @pytest.mark.parametrize("cause", ["part", "user", "network", "new_fault"])
    async def test_reverse_nothing_and_confirm_the_original(
        self, session: AsyncSession, world: World, cause: str
    ) -> None:
        first = await order_in(session, world, State.REVISIT)
        again = await rework_of(session, await call_back(session, world, first, solved=False))
        await advance(session, world, again, State.CLOSED)
        assert await standings_of(session, first) == []
        await decide(session, world, again, cause)
        assert await standings_of(session, first) == ["confirmed"]
        assert await sums(session, world) == {"tech03": (Decimal("12.00"), 6000)}


class TestWhoDecides:
    async def test_nobody_twice_and_nobody_on_own_work(
        self, session: AsyncSession, world: World
    ) -> None:
        from app.core.permissions import Role
        from app.identity import service as identity

        await identity.grant(session, world.users["tech03"], Role.REVIEWER, None)
        await order_in(session, world, State.CLOSED, crew="A2")
        again = await order_in(session, world, State.NEW)
        with pytest.raises(AttributesOwnWork):
            await decide(session, world, again, "user", by="tech03")
        await decide(session, world, again, "user")
        with pytest.raises(AlreadyAttributed):
            await decide(session, world, again, "part")

    async def test_over_http_in_scope_and_with_reasons(
        self,
        client: httpx.AsyncClient,
        database: Database,
        app: object,
        world: World,
        as_: Headers,
    ) -> None:
        async with database.transaction() as session:
            await order_in(session, world, State.CLOSED)
            again = await order_in(session, world, State.NEW)
        listed: Any = (
            await client.get("/rework-cases?undecided=true", headers=as_("chief1"))
        ).json()
        (item,) = listed["items"]
        assert item["serial"] == again.serial and item["cause"] is None
        assert (await client.get("/rework-cases", headers=as_("chief2"))).json()["items"] == []
        path = f"/rework-cases/{item['id']}/attribution"
        said = {"cause": "workmanship", "reason": "接头未拧紧"}
        assert (await client.post(path, json=said, headers=as_("chief2"))).status_code == 404
        short = said | {"reason": "x"}
        assert (await client.post(path, json=short, headers=as_("chief1"))).status_code == 422
        answer = await client.post(path, json=said, headers=as_("chief1"))
        assert answer.status_code == 201, answer.text
        assert len(answer.json()["posted"]) == 1
        open_ones = await client.get("/rework-cases?undecided=true", headers=as_("reviewer"))
        assert open_ones.json()["items"] == []
