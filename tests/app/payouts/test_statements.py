"""Statements and totals over HTTP: exact, explained, and each reader's own."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from inspect import isfunction
from typing import Any

import httpx
import psycopg
import pytest

from app.core.db import Database
from app.organisation.models import Technician
from app.payouts.load import load_default_rate_card
from app.work_orders.states import State
from tests.conftest import Headers
from tests.factories.orders import call_back, order_in
from tests.factories.world import World

Part = Callable[[httpx.AsyncClient, World, Headers], Awaitable[None]]
MONTH = "/payouts/statements?month=2026-01"
SEES: dict[str, set[str]] = {
    "tech01": {"E-tech01"},
    "tech04": set(),
    "chief1": {"E-tech01", "E-tech02", "E-tech03"},
    "chief2": {"E-tech05", "E-tech06"},
    "manager": {"E-tech01", "E-tech02", "E-tech03", "E-tech05", "E-tech06"},
}


@pytest.fixture
async def paid(database: Database, app: object, world: World) -> None:
    """A1: 20 points confirmed and 10 unsolved, A2: 6 unconfirmed; B1 of S02: 9 confirmed."""
    async with database.transaction() as session:
        await order_in(session, world, State.CLOSED, fault="H10", crew="A1")
        unsolved = await order_in(session, world, State.REVISIT, fault="P02", crew="A1")
        await call_back(session, world, unsolved, solved=False)
        await order_in(session, world, State.REVISIT, fault="H01", crew="A2")
        await order_in(session, world, State.CLOSED, fault="P01", crew="B1")


async def read(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> Any:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def people(page: Any) -> dict[str, Any]:
    return {item["employee_no"]: item for item in page["items"]}


def parts_of(whole: object) -> list[Part]:
    """All of a class's methods that are no tests themselves: none is written and never run."""
    names = vars(type(whole)).items()
    parts = [name for name, each in names if isfunction(each) and not name.startswith("test")]
    assert parts
    return [getattr(whole, name) for name in parts]


async def read_in_parts(
    whole: object, subtests: pytest.Subtests, client: httpx.AsyncClient, world: World, as_: Headers
) -> None:
    """One month for all parts of a class: to make it takes longer than to read it."""
    for part in parts_of(whole):
        with subtests.test(part.__name__):
            await part(client, world, as_)


@pytest.mark.usefixtures("paid")
class TestStatements:
    async def test_a_month_is_read(
        self,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
        subtests: pytest.Subtests,
    ) -> None:
        await read_in_parts(self, subtests, client, world, as_)

    async def sums_are_the_lines(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        found = people(await read(client, MONTH, as_("pay_clerk")))
        assert set(found) == {"E-tech01", "E-tech02", "E-tech03", "E-tech05", "E-tech06"}
        for item in found.values():
            lines, totals = item["lines"], item["totals"]
            assert totals["total"] == {
                "entries": len(lines),
                "points": str(sum(Decimal(line["points"]) for line in lines)),
                "amount_minor": sum(line["amount_minor"] for line in lines),
            }
            for standing, part in totals["by_standing"].items():
                mine = [line for line in lines if line["standing"] == standing]
                assert part["entries"] == len(mine)
                assert part["amount_minor"] == sum(line["amount_minor"] for line in mine)
        assert found["E-tech02"]["totals"]["total"] == {
            "entries": 2,
            "points": "13.50",
            "amount_minor": 6750,
        }
        assert found["E-tech02"]["totals"]["by_standing"]["confirmed"]["points"] == "9.00"

    async def a_line_names_order_rule_card_inputs_and_reason(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        headers = as_("tech03") | {"Accept-Language": "en"}
        ((_, item),) = people(await read(client, MONTH, headers)).items()
        (line,) = item["lines"]
        assert line["serial"].startswith("S01-260115-")
        assert (line["kind"], line["rule"]) == ("EARN", "piece")
        assert line["rate_card"] == "P proposal 2026-2"
        assert line["inputs"]["base_points"] == "6"
        assert line["standing"] == "provisional"
        assert line["explanation"].startswith("base 6 points; x difficulty 'normal' 1; ")
        shown = await read(client, MONTH, as_("tech03"))
        assert shown["items"][0]["lines"][0]["explanation"].startswith("基础 6 分")

    async def everybody_sees_what_is_theirs(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        for reader, sees in SEES.items():
            assert set(people(await read(client, MONTH, as_(reader)))) == sees, reader
        for reader in ("agent", "reviewer", "admin"):
            assert (await client.get(MONTH, headers=as_(reader))).status_code == 403, reader

    async def anothers_statement_is_not_found(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        for reader, whose in (("tech01", "tech02"), ("chief1", "tech05"), ("chief2", "tech03")):
            asked = f"{MONTH}&technician_id={world.technicians[whose]}"
            assert (await client.get(asked, headers=as_(reader))).status_code == 404, reader
            assert (await client.get(asked, headers=as_(whose))).status_code == 200, whose

    async def pages_hold_every_technician_once(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        seen: list[str] = []
        path: str | None = f"{MONTH}&limit=2"
        while path:
            page = await read(client, path, as_("pay_clerk"))
            seen += people(page)
            cursor = page["next_cursor"]
            path = f"{MONTH}&limit=2&cursor={cursor}" if cursor else None
        assert sorted(seen) == ["E-tech01", "E-tech02", "E-tech03", "E-tech05", "E-tech06"]

    async def asked_for_by_name_an_empty_month_is_a_statement(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        path = f"/payouts/statements?month=2025-12&technician_id={world.technicians['tech01']}"
        (item,) = (await read(client, path, as_("tech01")))["items"]
        assert (item["lines"], item["totals"]["total"]["amount_minor"]) == ([], 0)

    async def the_summary_is_what_the_statements_add_up_to(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        for reader in ("manager", "chief1", "tech01", "tech04"):
            summary = await read(client, "/payouts/summary?month=2026-01", as_(reader))
            items = (await read(client, MONTH, as_(reader)))["items"]
            assert summary["technicians"] == len(items)
            for key in ("entries", "amount_minor"):
                whole = sum(item["totals"]["total"][key] for item in items)
                assert summary["totals"]["total"][key] == whole
                assert sum(each["total"][key] for each in summary["stations"]) == whole
            confirmed = sum(
                Decimal(item["totals"]["by_standing"]["confirmed"]["points"]) for item in items
            )
            assert Decimal(summary["totals"]["by_standing"]["confirmed"]["points"]) == confirmed


@pytest.mark.usefixtures("paid")
class TestSettlementUnits:
    """S02 is a contractor's, settled under HUADONG; the rest under the company's code."""

    @pytest.fixture(autouse=True)
    async def _contractor(self, client: httpx.AsyncClient, world: World, as_: Headers) -> None:
        answer = await client.patch(
            f"/stations/{world.stations['S02']}",
            headers=as_("manager"),
            json={"version": 1, "contractor": True, "settlement_unit": "HUADONG"},
        )
        assert answer.status_code == 200, answer.text

    async def test_units_are_read(
        self,
        client: httpx.AsyncClient,
        world: World,
        as_: Headers,
        subtests: pytest.Subtests,
    ) -> None:
        await read_in_parts(self, subtests, client, world, as_)

    async def statements_name_their_unit_and_can_be_listed_by_it(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        found = people(await read(client, MONTH, as_("manager")))
        units = {name: item["settlement_unit"] for name, item in found.items()}
        assert units == dict.fromkeys(("E-tech01", "E-tech02", "E-tech03"), "CO") | dict.fromkeys(
            ("E-tech05", "E-tech06"), "HUADONG"
        )
        for unit in ("CO", "HUADONG", "NOBODY"):
            listed = people(await read(client, f"{MONTH}&settlement_unit={unit}", as_("manager")))
            assert set(listed) == {name for name, of in units.items() if of == unit}

    async def a_unit_sums_to_its_statements_and_the_units_to_the_month(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        path = "/payouts/summary?month=2026-01"
        whole = await read(client, path, as_("manager"))
        units = {each["settlement_unit"] for each in whole["stations"]}
        assert units == {"CO", "HUADONG"}
        parts = []
        for unit in sorted(units):
            part = await read(client, f"{path}&settlement_unit={unit}", as_("manager"))
            listed = await read(client, f"{MONTH}&settlement_unit={unit}", as_("manager"))
            of_statements = [each["totals"]["total"] for each in listed["items"]]
            assert part["technicians"] == len(of_statements)
            assert part["totals"]["total"]["amount_minor"] == sum(
                each["amount_minor"] for each in of_statements
            )
            assert {each["settlement_unit"] for each in part["stations"]} == {unit}
            parts.append(part["totals"]["total"])
        for key in ("entries", "amount_minor"):
            assert sum(part[key] for part in parts) == whole["totals"]["total"][key]
        assert parts[1]["points"] == "9.00"

    async def test_a_month_stays_with_its_unit_when_somebody_moves(
        self, client: httpx.AsyncClient, world: World, as_: Headers, database: Database
    ) -> None:
        summary = "/payouts/summary?month=2026-01&settlement_unit=HUADONG"
        before = await read(client, summary, as_("manager"))
        async with database.transaction() as session:
            moved = await session.get_one(Technician, world.technicians["tech05"])
            moved.station_id = world.stations["S01"]
        found = people(await read(client, f"{MONTH}&settlement_unit=HUADONG", as_("manager")))
        assert set(found) == {"E-tech05", "E-tech06"}
        assert {line["settlement_unit"] for line in found["E-tech05"]["lines"]} == {"HUADONG"}
        after = await read(client, summary, as_("manager"))
        assert (after["totals"], after["technicians"]) == (before["totals"], before["technicians"])
        company = people(await read(client, f"{MONTH}&settlement_unit=CO", as_("manager")))
        assert "E-tech05" not in company
        async with database.transaction() as session:
            await order_in(session, world, State.CLOSED, fault="P01", crew="B1")
        whole = people(await read(client, MONTH, as_("manager")))["E-tech05"]
        units = [line["settlement_unit"] for line in whole["lines"]]
        assert (units, whole["settlement_unit"]) == (["HUADONG", "CO"], "CO")
        split = [
            people(await read(client, f"{MONTH}&settlement_unit={unit}", as_("manager")))
            for unit in units
        ]
        assert [len(part["E-tech05"]["lines"]) for part in split] == [1, 1]

    async def test_an_entry_from_before_there_were_units_is_of_the_present_station(
        self, client: httpx.AsyncClient, as_: Headers, database_url: str
    ) -> None:
        with psycopg.connect(database_url) as owner:
            owner.execute("ALTER TABLE ledger_entries DISABLE TRIGGER USER")
            owner.execute("UPDATE ledger_entries SET inputs = inputs - 'settlement_unit'")
            owner.execute("ALTER TABLE ledger_entries ENABLE TRIGGER USER")
        found = people(await read(client, f"{MONTH}&settlement_unit=HUADONG", as_("manager")))
        assert set(found) == {"E-tech05", "E-tech06"}
        assert found["E-tech05"]["settlement_unit"] == "HUADONG"
        summary = await read(client, "/payouts/summary?month=2026-01", as_("manager"))
        assert {each["settlement_unit"] for each in summary["stations"]} == {"CO", "HUADONG"}

    async def the_filter_opens_nothing_beyond_the_scope(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        theirs = f"{MONTH}&settlement_unit=HUADONG"
        assert people(await read(client, theirs, as_("chief1"))) == {}
        assert set(people(await read(client, theirs, as_("chief2")))) == {"E-tech05", "E-tech06"}
        assert set(people(await read(client, theirs, as_("tech05")))) == {"E-tech05"}
        asked = f"{theirs}&technician_id={world.technicians['tech01']}"
        assert (await client.get(asked, headers=as_("manager"))).status_code == 404


async def test_nonsense_is_refused(client: httpx.AsyncClient, as_: Headers) -> None:
    month = "month=2026-01"
    for query in (
        "",
        "month=2026-13",
        "month=2026-1",
        f"{month}&limit=0",
        f"{month}&cursor=x",
        f"{month}&settlement_unit=",
    ):
        answer = await client.get(f"/payouts/statements?{query}", headers=as_("pay_clerk"))
        assert answer.status_code == 422, query
        assert answer.json()["type"] == "urn:paigong:problem:invalid-input"


async def test_rate_cards_say_what_is_in_force(
    client: httpx.AsyncClient, database: Database, as_: Headers
) -> None:
    async with database.transaction() as session:
        await load_default_rate_card(session)
    (card,) = await read(client, "/payouts/rate-cards", as_("tech01"))
    assert (card["name"], card["point_minor"], card["current"]) == ("P proposal 2026-2", 500, True)
    assert card["rules"]["outcome_factors"]["absent"] == "0.3"
