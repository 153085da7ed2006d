"""The screen pop and the customer file over HTTP; every read is recorded."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.audit import AuditRecord
from app.core.db import Database
from app.customers import service
from app.customers.models import Building, CustomerPhone
from tests.conftest import Headers
from tests.factories.world import NOW, World

FIRST = "13900000001"


async def reads(database: Database) -> list[tuple[str, str, UUID | None, dict[str, object]]]:
    async with database.transaction() as session:
        query = select(AuditRecord).order_by(col(AuditRecord.id))
        rows = (await session.exec(query)).all()
    return [(row.principal_name, row.action, row.subject_id, row.detail) for row in rows]


def an_order(world: World, premises: str, **changes: Any) -> dict[str, Any]:
    return {
        "premises_id": str(world.premises[premises]),
        "caller": {"name": "客户", "phone": FIRST},
        "fault_code": "H01",
        "description": "不热",
    } | changes


class TestZoneNear:
    async def test_is_that_of_the_nearest_building_within_500_m(
        self, session: AsyncSession, world: World
    ) -> None:
        building = await session.get_one(Building, world.buildings["锦绣家园1"])
        building.zone = "remote"
        await session.flush()
        lon, lat = world.places["锦绣家园1"]
        assert await service.zone_near(session, lon, lat + 0.004) == "remote"
        assert await service.zone_near(session, lon, lat + 0.005) == "urban"


class TestPremises:
    async def test_answers_building_community_holder_and_flags(
        self, session: AsyncSession, world: World
    ) -> None:
        at = await service.premises(session, world.premises["锦绣家园1-1-101"])
        assert at.building.id == world.buildings["锦绣家园1"]
        assert at.community.district == "历下区"
        assert at.customer is not None and at.customer.customer_no == "C0001"
        assert at.flags == {"vulnerable"}


class TestFindCustomers:
    async def test_the_pop_shows_premises_and_flags(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = await client.get("/customers", params={"phone": FIRST}, headers=as_("agent"))
        (card,) = answer.json()
        assert card["customer_no"] == "C0001"
        (home,) = card["premises"]
        assert (home["unit"], home["room"], home["zone"]) == ("1", "101", "urban")
        assert home["place"] == {"lon": 117.02, "lat": 36.65}
        assert [flag["kind"] for flag in home["flags"]] == ["vulnerable"]
        assert (card["repeat_call"], card["open_orders"], card["history"]) == (False, [], [])

    async def test_compares_numbers_without_their_dress(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        for dressed in (FIRST, "+86 139-0000-0001", "0086 13900000001"):
            found = await client.get("/customers", params={"phone": dressed}, headers=as_("agent"))
            assert [card["id"] for card in found.json()] == [str(world.customers["C0001"])]

    async def test_an_unknown_number_answers_an_empty_list(
        self, client: httpx.AsyncClient, as_: Headers, database: Database
    ) -> None:
        answer = await client.get(
            "/customers", params={"phone": "13911111111"}, headers=as_("agent")
        )
        assert (answer.status_code, answer.json()) == (200, [])
        assert (await reads(database))[-1][1:3] == ("searched", None)

    async def test_a_shared_number_answers_all_who_share_it(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            session.add(CustomerPhone(customer_id=world.customers["C0005"], phone=FIRST))
        answer = await client.get("/customers", params={"phone": FIRST}, headers=as_("agent"))
        assert [card["customer_no"] for card in answer.json()] == ["C0001", "C0005"]
        recorded = await reads(database)
        assert {row[2] for row in recorded} == {
            world.customers["C0001"],
            world.customers["C0005"],
        }
        assert recorded[0][0] == "Agent" and recorded[0][3] == {"by": "phone"}

    async def test_another_station_s_customer_stays_unknown(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = await client.get("/customers", params={"phone": FIRST}, headers=as_("agent2"))
        assert answer.json() == []

    async def test_a_technician_may_not_look(self, client: httpx.AsyncClient, as_: Headers) -> None:
        answer = await client.get("/customers", params={"phone": FIRST}, headers=as_("tech01"))
        assert answer.status_code == 403

    async def test_what_is_no_number_is_refused(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        for phone in ("", "abc", "1", "1' OR '1'='1", "1390000\u0000001", "９９９９９９９"):
            answer = await client.get("/customers", params={"phone": phone}, headers=as_("agent"))
            assert answer.status_code == 422, phone

    async def test_an_open_order_marks_a_repeat_call(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = an_order(world, "锦绣家园1-1-101")
        made = await client.post("/work-orders", headers=as_("agent"), json=body)
        assert made.status_code == 201, made.text
        (card,) = (
            await client.get("/customers", params={"phone": FIRST}, headers=as_("agent"))
        ).json()
        assert card["repeat_call"] is True
        assert [order["id"] for order in card["open_orders"]] == [made.json()["id"]]
        assert card["open_orders"][0]["fault_code"] == "H01"

    async def test_ended_orders_are_history_newest_first_and_at_most_20(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        body = an_order(world, "锦绣家园1-1-101")
        made = (await client.post("/work-orders", headers=as_("agent"), json=body)).json()
        columns = [
            name
            for (name,) in (
                await session.execute(
                    text(
                        "SELECT column_name FROM information_schema.columns"
                        " WHERE table_name = 'work_orders'"
                    )
                )
            ).all()
            if name not in ("id", "serial", "state", "reported_at")
        ]
        kept = ", ".join(columns)
        for number in range(22):
            await session.execute(
                text(
                    f"INSERT INTO work_orders (id, serial, state, reported_at, {kept})"
                    f" SELECT :new, :serial, 'CLOSED', :at, {kept} FROM work_orders WHERE id = :id"
                ),
                {
                    "new": uuid4(),
                    "serial": f"OLD-{number}",
                    "at": NOW - timedelta(days=number + 1),
                    "id": UUID(made["id"]),
                },
            )
        await session.commit()
        (card,) = (
            await client.get("/customers", params={"phone": FIRST}, headers=as_("agent"))
        ).json()
        assert [order["serial"] for order in card["history"]] == [f"OLD-{n}" for n in range(20)]
        assert len(card["open_orders"]) == 1


class TestGetCustomer:
    async def test_the_read_is_recorded(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        customer_id = world.customers["C0002"]
        answer = await client.get(f"/customers/{customer_id}", headers=as_("dispatcher1"))
        assert answer.json()["phones"] == ["13900000002"]
        assert await reads(database) == [("Dispatcher1", "read", customer_id, {"by": "id"})]

    async def test_a_foreign_customer_is_not_found_and_no_read(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        url = f"/customers/{world.customers['C0001']}"
        assert (await client.get(url, headers=as_("chief2"))).status_code == 404
        assert await reads(database) == []


class TestCreateCustomer:
    async def test_adds_one_with_premises_and_normal_phones(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        room = str(world.premises["阳光花园2-2-201"])
        body = {
            "customer_no": "N-1",
            "name": "新客户",
            "phones": ["+86 137-0000-0009", "13700000009"],
            "premises_ids": [room, room],
        }
        made = await client.post("/customers", headers=as_("agent"), json=body)
        assert made.status_code == 201, made.text
        assert made.json()["phones"] == ["13700000009"]
        assert [each["id"] for each in made.json()["premises"]] == [room]
        again = await client.post("/customers", headers=as_("agent"), json=body)
        assert again.json()["type"] == "urn:paigong:problem:customer-number-taken"

    async def test_premises_of_another_station_are_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = {
            "customer_no": "N-1",
            "name": "新客户",
            "phones": ["13700000009"],
            "premises_ids": [str(world.premises["锦绣家园1-1-101"])],
        }
        assert (
            await client.post("/customers", headers=as_("agent2"), json=body)
        ).status_code == 404

    async def test_naughty_text_is_refused_or_kept_as_typed(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        room = str(world.premises["阳光花园2-2-201"])
        body = {"customer_no": "N-1", "phones": ["13700000009"], "premises_ids": [room]}
        for name in ("", " \t ", "a\u0000b", "x" * 201, "\ud800", 7, None, "\u001b[31m"):
            answer = await client.post(
                "/customers",
                headers=as_("agent") | {"Content-Type": "application/json"},
                content=json.dumps(body | {"name": name}),
            )
            assert answer.status_code == 422, name
        for number, name in enumerate(("'; DROP TABLE customers;--", "<b>Ω≈ç</b>", "👩‍🔧 王")):
            answer = await client.post(
                "/customers",
                headers=as_("agent"),
                json=body | {"name": name, "customer_no": f"N-{number}"},
            )
            assert answer.json()["name"] == name


class TestChangeCustomerContact:
    async def test_changes_what_is_given_and_records_the_fields(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        url = f"/customers/{world.customers['C0001']}"
        body = {"version": 1, "phones": ["13700000001"]}
        answer = (await client.patch(url, headers=as_("agent"), json=body)).json()
        assert (answer["name"], answer["phones"], answer["version"]) == (
            "客户1",
            ["13700000001"],
            2,
        )
        assert (await reads(database))[0][3] == {"fields": ["phones"]}
        gone = await client.get("/customers", params={"phone": FIRST}, headers=as_("agent"))
        assert gone.json() == []

    async def test_an_old_version_or_a_null_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/customers/{world.customers['C0001']}"
        stale = await client.patch(url, headers=as_("agent"), json={"version": 9, "name": "甲"})
        assert (stale.status_code, stale.json()["version"]) == (409, 1)
        null = await client.patch(url, headers=as_("agent"), json={"version": 1, "name": None})
        assert null.status_code == 422
