"""Taking a report: whose it is, where it lies, and drafts."""

from uuid import UUID, uuid4

import httpx

from app.core.db import Database
from app.customers.models import Building
from app.work_orders.models import WorkOrder
from tests.app.work_orders.test_intake import elsewhere, report
from tests.conftest import Headers
from tests.factories.world import World


class TestCustomer:
    """POST /work-orders with customer_id"""

    async def test_who_holds_the_premises_is_taken(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        own = report(world, customer_id=str(world.customers["C0001"]))
        answer = await client.post("/work-orders", json=own, headers=as_("agent"))
        assert answer.json()["customer_id"] == str(world.customers["C0001"])

    async def test_who_lives_elsewhere_is_refused(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        neighbour = report(world, customer_id=str(world.customers["C0002"]))
        answer = await client.post("/work-orders", json=neighbour, headers=as_("agent"))
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:paigong:problem:customer-elsewhere"

    async def test_an_unknown_or_foreign_customer_is_not_found(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        place = elsewhere(lon=117.15, lat=36.65)
        for customer_id in (uuid4(), world.customers["C0001"]):
            body = report(world, customer_id=str(customer_id), **place)
            answer = await client.post("/work-orders", json=body, headers=as_("agent2"))
            assert answer.status_code == 404
        listed = await client.get("/work-orders", headers=as_("agent"))
        assert listed.json()["items"] == []


class TestZone:
    """POST /work-orders with an address"""

    async def test_is_that_of_the_building_next_door(
        self, client: httpx.AsyncClient, world: World, as_: Headers, database: Database
    ) -> None:
        async with database.transaction() as session:
            building = await session.get_one(Building, world.buildings["锦绣家园1"])
            building.zone = "rural"
        for lat, zone in ((36.652, "rural"), (36.68, "urban")):
            body = report(world, **elsewhere(lon=117.02, lat=lat))
            made = await client.post("/work-orders", json=body, headers=as_("agent"))
            async with database.transaction() as session:
                order = await session.get_one(WorkOrder, UUID(made.json()["id"]))
                assert order.zone == zone


class TestDraft:
    """POST /work-orders with draft, then submit"""

    async def test_a_draft_is_no_twin_but_must_not_become_one(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        draft = await client.post(
            "/work-orders", json=report(world, draft=True), headers=as_("agent")
        )
        first = await client.post("/work-orders", json=report(world), headers=as_("agent"))
        assert first.status_code == 201, first.text
        submit = f"/work-orders/{draft.json()['id']}/submit"
        refused = await client.post(submit, headers=as_("agent"))
        assert refused.status_code == 409
        assert refused.json()["order"]["id"] == first.json()["id"]
        urged = await client.post(
            refused.json()["urge"].removeprefix("/api/v1"),
            json={"reason": "又来电"},
            headers=as_("agent"),
        )
        assert urged.json()["urges"] == 1
        forced = await client.post(
            submit, json={"force_new_reason": "另一处漏水"}, headers=as_("agent")
        )
        assert forced.json()["state"] == "NEW"

    async def test_clocks_start_with_the_submission(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        draft = await client.post(
            "/work-orders", json=report(world, draft=True), headers=as_("agent")
        )
        assert draft.json()["state"] == "DRAFT"
        assert draft.json()["due_at"] is None
        path = f"/work-orders/{draft.json()['id']}"
        submitted = await client.post(f"{path}/submit", headers=as_("agent"))
        assert submitted.json()["state"] == "NEW"
        assert submitted.json()["due_at"] is not None

    async def test_solved_by_phone_closes_without_a_visit(
        self, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        draft = await client.post(
            "/work-orders", json=report(world, draft=True), headers=as_("agent")
        )
        path = f"/work-orders/{draft.json()['id']}"
        closed = await client.post(
            f"{path}/solve-by-phone", json={"answer": "打开入户阀门"}, headers=as_("agent")
        )
        assert closed.json()["state"] == "CLOSED"
        history = (await client.get(f"{path}/timeline", headers=as_("agent"))).json()
        assert [event["action"] for event in history["events"]] == ["drafted", "solved_by_phone"]
