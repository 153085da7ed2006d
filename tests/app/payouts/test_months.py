"""A month from draft to settlement, with people who contest it, over the real ledger."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import psycopg
import pytest
from openpyxl import load_workbook
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.payouts.models import LedgerEntry, LedgerStanding
from app.verification import fold
from app.work_orders.states import State
from tests.conftest import Headers
from tests.factories.orders import call_back, order_in, rework_of
from tests.factories.world import World

WHY = {"reason": "经核实无误"}


class Office:
    """The API as people of the office use it."""

    def __init__(self, client: httpx.AsyncClient, as_: Headers) -> None:
        self.client, self.as_ = client, as_

    async def post(self, who: str, path: str, expected: int = 201, **body: Any) -> Any:
        answer = await self.client.post(path, json=body, headers=self.as_(who))
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def get(self, who: str, path: str) -> Any:
        answer = await self.client.get(path, headers=self.as_(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def act(self, act: str, expected: int = 201) -> Any:
        return await self.post("pay_clerk", "/payouts/months/2026-01/acts", expected, act=act)


@pytest.fixture
def office(client: httpx.AsyncClient, as_: Headers) -> Office:
    return Office(client, as_)


@asynccontextmanager
async def books(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as session:
        yield session


async def entries(database: Database, month: str) -> list[LedgerEntry]:
    async with books(database) as session:
        statement = select(LedgerEntry).where(LedgerEntry.period == month)
        return list((await session.exec(statement.order_by(col(LedgerEntry.id)))).all())


def told(found: list[LedgerEntry]) -> Counter[tuple[str, int]]:
    return Counter((each.rule, each.amount_minor) for each in found)


async def differences(database: Database) -> list[str]:
    async with books(database) as session:
        return [str(each) for each in (await fold(session)).differences]


class TestMonth:
    async def test_from_draft_to_settlement(
        self, office: Office, database: Database, database_url: str, app: object, world: World
    ) -> None:
        async with books(database) as session:
            order = await order_in(session, world, State.CLOSED)
            other = await order_in(session, world, State.CLOSED, fault="H10", crew="A1")
            waits = await order_in(session, world, State.REVISIT, premises="锦绣家园3-1-101")
            again = await rework_of(session, await call_back(session, world, waits, solved=False))
        await office.act("draft", 409)  # January is not over
        tech03 = str(world.technicians["tech03"])
        said = {"order_id": str(order.id), "technician_id": tech03, "kind": "complaint"}
        finding = await office.post("reviewer", "/payouts/findings", **said, reason="态度问题属实")
        assert (finding["points"], finding["amount_minor"]) == ("-1.80", -900)
        await office.post("chief1", "/payouts/findings", 409, **said, **WHY)

        clock.advance(timedelta(days=18))  # 2 February, Monday
        draft = await office.act("draft")
        assert draft["totals"]["amount_minor"] == 3000 + 10000 + 3000 - 900
        await office.act("locked", 409)
        await office.act("published")
        shown = await office.get("tech03", "/payouts/months/2026-01")
        assert shown["state"] == "published" and [a["totals"] for a in shown["acts"]] == [{}, {}]
        shown = await office.get("pay_clerk", "/payouts/months/2026-01")
        assert [a["totals"]["technicians"] for a in shown["acts"]] == [3, 3]

        async with books(database) as session:  # reviewed after the publication: February's
            await order_in(session, world, State.REVISIT, premises="锦绣家园3-1-102")
        await self._contest(office, finding["entry_id"], world)
        helper = world.technicians["tech02"]
        adjusted = {"order_id": str(other.id), "technician_id": str(helper), "points": "1.25"}
        asked = await office.post("chief1", "/payouts/adjustments", **adjusted, **WHY)
        path = f"/payouts/adjustments/{asked['id']}/decision"
        await office.post("chief1", path, 403, approved=True, **WHY)
        approved = await office.post("manager", path, approved=True, **WHY)
        assert approved["entry_id"] is not None

        await office.act("locked", 409)  # the three working days are not over
        clock.advance(timedelta(days=4))
        locked = await office.act("locked")
        assert (locked["totals"]["undecided"], locked["totals"]["carried"]) == (1, 2)
        await office.act("published", 409)
        settled = await office.act("settled")
        assert settled["by_name"] == "Pay_Clerk"
        january, february = await entries(database, "2026-01"), await entries(database, "2026-02")
        assert told(january) == Counter(
            {
                ("piece", 3000): 2,
                ("piece", 5500): 1,
                ("piece", 4500): 1,
                ("deduct-complaint", -900): 1,
                ("reverse-deduct-complaint", 900): 1,
                ("carry-open", -3000): 1,
            }
        )
        assert told(february)[("carry-open", 3000)] == 1
        assert told(february)[("adjust", 625)] == 1
        assert {each.order_id for each in february if each.rule == "carry-open"} == {waits.id}
        assert again.rework_of == waits.id
        async with books(database) as session:
            marks = Counter((await session.exec(select(LedgerStanding.standing))).all())
        assert marks["locked"] == marks["settled"] == len(january)
        with (
            psycopg.connect(database_url) as owner,
            pytest.raises(psycopg.Error, match="2026-01 is closed"),
        ):
            owner.execute(
                "INSERT INTO ledger_entries (technician_id, seq, order_id, kind, rule, cause,"
                " period, points, amount_minor, rate_card_id, inputs, explanation_zh,"
                " explanation_en, created_at, prev_hash, hash) SELECT technician_id, 9000,"
                " order_id, kind, rule, 'late', period, points, amount_minor, rate_card_id, inputs,"
                " explanation_zh, explanation_en, created_at, prev_hash, hash"
                " FROM ledger_entries WHERE period = '2026-01' ORDER BY id LIMIT 1"
            )
        assert await differences(database) == []

    async def _contest(self, office: Office, entry_id: int, world: World) -> None:
        """The technician contests the deduction; the station refuses, the company grants."""
        path = f"/payouts/entries/{entry_id}/appeal"
        await office.post("tech04", path, 404, **WHY)
        appeal = await office.post("tech03", path, reason="用户误会，已道歉并有录音")
        await office.post("tech03", path, 409, **WHY)
        answer, decision = (
            f"/payouts/appeals/{appeal['id']}/{way}" for way in ("answer", "decision")
        )
        await office.post("chief2", answer, 404, verdict="refused", **WHY)
        await office.post("manager", decision, 409, verdict="granted", **WHY)  # station first
        await office.post("chief1", answer, verdict="refused", **WHY)
        await office.post("chief1", decision, 403, verdict="granted", **WHY)
        await office.post("manager", decision, 422, verdict="granted", points="1", **WHY)
        granted = await office.post("manager", decision, verdict="granted", **WHY)
        assert granted["posted"] is not None
        await office.post("manager", decision, 409, verdict="refused", **WHY)
        (listed,) = await office.get("tech03", "/payouts/appeals?month=2026-01")
        assert listed["company_verdict"] == "granted"
        assert await office.get("tech04", "/payouts/appeals?month=2026-01") == []

    async def test_what_is_unusual_goes_to_a_person_and_cuts_nothing(
        self, office: Office, database: Database, app: object, world: World
    ) -> None:
        async with books(database) as session:
            for premises in ("锦绣家园1-1-101", "锦绣家园3-1-101"):
                await order_in(
                    session, world, State.CLOSED, fault="H10", crew="A1", premises=premises
                )
            await order_in(session, world, State.CLOSED, fault="H10", crew="A1")
        before = told(await entries(database, "2026-01"))
        clock.advance(timedelta(days=18))
        await office.act("draft")
        await office.act("draft")
        found = await office.get("chief1", "/payouts/months/2026-01/questions")
        kinds = Counter(each["kind"] for each in found)
        # 33.00 points in a day; accepted in no time; two houses 2 km apart in no time.
        assert kinds == {"points_a_day": 1, "fast_accepts": 1, "impossible_travel": 4}
        assert told(await entries(database, "2026-01")) == before
        assert await office.get("chief2", "/payouts/months/2026-01/questions") == []
        (busy,) = [each for each in found if each["kind"] == "points_a_day"]
        assert busy["facts"] == {"points": "33.00"}
        path = f"/payouts/questions/{busy['id']}/verdict"
        await office.post("chief2", path, 404, verdict="in_order", **WHY)
        await office.post("chief1", path, verdict="in_order", **WHY)
        await office.post("chief1", path, 409, verdict="in_order", **WHY)


class TestFiles:
    async def test_a_workbook_and_a_payroll_say_what_the_statements_say(
        self, office: Office, database: Database, app: object, world: World
    ) -> None:
        async with books(database) as session:
            order = await order_in(session, world, State.REVISIT, fault="H10", crew="A1")
            await call_back(session, world, order, solved=True, rating=5)
        headers = office.as_("pay_clerk") | {"Accept-Language": "zh"}
        path = "/payouts/statements.xlsx?month=2026-01"
        answer = await office.client.get(path, headers=headers)
        assert answer.status_code == 200
        book = load_workbook(BytesIO(answer.content))
        assert book.sheetnames == ["E-tech01", "E-tech02"]
        rows = list(book["E-tech01"].iter_rows(values_only=True))
        assert rows[0][:3] == ("Tech01", "E-tech01", "2026-01")
        assert [(row[2], row[4], row[5], row[6]) for row in rows[2:4]] == [
            ("计件", 11, 55, "已确认"),
            ("奖励", 0.55, 2.75, "已确认"),
        ]
        assert rows[4][4:6] == ("=SUM(E3:E4)", "=SUM(F3:F4)")
        sheet = book["E-tech01"]
        assert [sheet.cell(3, column).number_format for column in (5, 6)] == ["#,##0.00"] * 2
        assert sheet["H3"].alignment.wrap_text and sheet["A5"].font.bold
        assert (sheet.page_setup.orientation, sheet.print_title_rows) == ("landscape", "$1:$2")
        payroll = await office.client.get("/payouts/payroll.csv?month=2026-01", headers=headers)
        assert payroll.text.removeprefix("\ufeff").splitlines() == [
            "month,state,settlement_unit,employee_no,name,points,amount_yuan,amount_minor",
            "2026-01,open,CO,E-tech01,Tech01,11.55,57.75,5775",
            "2026-01,open,CO,E-tech02,Tech02,9.45,47.25,4725",
        ]
        own = await office.client.get(path, headers=office.as_("tech02"))
        assert load_workbook(BytesIO(own.content)).sheetnames == ["E-tech02"]

    async def test_from_a_months_total_to_a_photo_in_four_calls(
        self, office: Office, database: Database, app: object, world: World
    ) -> None:
        async with books(database) as session:
            await order_in(session, world, State.CLOSED)
        summary = await office.get("manager", "/payouts/summary?month=2026-01")
        assert summary["totals"]["total"]["amount_minor"] == 3000
        statements = await office.get("manager", "/payouts/statements?month=2026-01")
        (line,) = statements["items"][0]["lines"]
        evidence = await office.get("manager", f"/work-orders/{line['order_id']}/evidence")
        photo = next(each for each in evidence["files"] if each["state"] == "verified")
        answer = await office.client.get(f"/evidence/{photo['id']}", headers=office.as_("manager"))
        assert answer.status_code == 200 and answer.content.startswith(b"\xff\xd8\xff")
