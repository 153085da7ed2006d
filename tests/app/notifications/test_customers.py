"""What customers are told, and what their links show and do."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.core import clock
from app.core.permissions import Role
from app.core.problems import TYPE_BASE
from app.notifications import customer_messages
from app.notifications.channels import Outcome
from app.notifications.customer_delivery import deliver, due
from app.revisits.models import Revisit
from app.work_orders import approvals, assignments
from app.work_orders.acts import Act
from app.work_orders.holds import Proof
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import State
from tests.app.notifications.customer_house import Customers, Killed, promise, way
from tests.conftest import Headers
from tests.factories.orders import advance, leader_act, person
from tests.factories.world import NOW

MINUTE = timedelta(minutes=1)
ENDED = TYPE_BASE + "link-ended"


async def test_each_step_is_told_once_in_the_customers_language(customers: Customers) -> None:
    async with customers.database.transaction() as session:
        english = "UPDATE customers SET language = 'en' WHERE customer_no = 'C0002'"
        await session.execute(text(english))
    order = await way(customers, State.REVISIT)
    told = await customers.told(order)
    assert set(told) == {"received", "dispatched", "on_the_way", "done", "rating"}
    assert f"您的报修（全户不热）已受理，单号{order.serial}" in told["received"].text
    assert told["rating"].text == f"请评价单号{order.serial}的服务：…"
    other = await way(customers, State.SENT, premises="锦绣家园1-1-102")
    other_told = await customers.told(other)
    assert "We have received your report (Whole flat cold)" in other_told["received"].text
    async with customers.database.transaction() as session:
        events = select(WorkOrderEvent).where(WorkOrderEvent.order_id == order.id)
        row = await session.get_one(WorkOrder, order.id)
        for event in (await session.exec(events)).all():
            await customer_messages.tell_customer(session, row, event)
    assert {row.id for row in (await customers.told(order)).values()} == {
        row.id for row in told.values()
    }
    waiting = await due(customers.database, 100, [])
    assert sorted(waiting) == sorted(row.id for row in (*told.values(), *other_told.values()))


async def test_a_hold_and_a_slip_are_told_and_no_second_slip(customers: Customers) -> None:
    order = await way(customers, State.ENROUTE)
    async with customers.database.transaction() as session:
        await promise(session, order, 20)
        await session.execute(
            text("UPDATE customer_messages SET promised_at = :at WHERE kind = 'on_the_way'"),
            {"at": NOW + 20 * MINUTE},
        )
    assert await customer_messages.watch_arrivals(customers.database) == 0
    for expected in (1, 0):
        async with customers.database.transaction() as session:
            await promise(session, order, 36)
        assert await customer_messages.watch_arrivals(customers.database) == expected
    async with customers.database.transaction() as session:
        row = await session.get_one(WorkOrder, order.id)
        asked = await approvals.request_hold(
            session,
            row,
            await leader_act(session, row),
            reason="waiting_parts",
            until=NOW + 120 * MINUTE,
            note="DN20",
            proof=Proof("store_entry", "77"),
        )
        chief = await person(session, customers.world, "chief1")
        await approvals.decide(session, chief, asked.id, True, None)
    told = await customers.told(order)
    assert "预计1月15日08:36到达" in told["delay"].text
    assert told["held"].text == f"单号{order.serial}因等待配件暂缓处理，预计1月15日10:00继续。"
    await deliver(customers.database, customers.channels, told["delay"].id)
    assert (await customers.told(order))["delay"].state == "moot"


async def test_the_link_shows_this_visit_and_loses_the_crew_with_the_order(
    customers: Customers, as_: Headers
) -> None:
    order = await way(customers, State.ENROUTE)
    async with customers.database.transaction() as session:
        await promise(session, order, 20)
    link = await customers.link(order, "on_the_way")
    status, shown = await customers.get(link)
    assert (status, shown["standing"], shown["crew_name"]) == (200, "on_the_way", "班组 A2")
    assert shown["place"]["lat"] == 36.65
    assert set(shown) == {
        *("serial", "standing", "crew_name", "arrive_at", "earliest_at", "latest_at", "place")
    }
    assert "王女士" not in str(shown) and "1390000" not in str(shown)
    moved = await customers.client.post(
        f"/work-orders/{order.id}/assign",
        json={"crew_id": str(customers.world.crews["A3"]), "reason": "抛锚"},
        headers=as_("dispatcher"),
    )
    assert moved.status_code == 200, moved.text
    # Business time stands still: the position is gone with the transaction, not seconds later.
    status, gone = await customers.get(link)
    assert (status, gone["type"]) == (410, ENDED)
    assert "place" not in gone
    async with customers.database.transaction() as session:
        row = await session.get_one(WorkOrder, order.id)
        await advance(session, customers.world, row, State.ENROUTE, crew="A3")
    again = await customers.link(order, "on_the_way")
    assert (await customers.get(again))[1]["crew_name"] == "班组 A3"
    assert (await customers.get(link))[0] == 410
    opted = await customers.client.post(f"/public/visits/{again}/opt-out")
    assert opted.status_code == 204
    async with customers.database.transaction() as session:
        row = await session.get_one(WorkOrder, order.id)
        await advance(session, customers.world, row, State.ONSITE)
    assert (await customers.get(again))[1]["place"] is None
    async with customers.database.transaction() as session:
        row = await session.get_one(WorkOrder, order.id)
        await advance(session, customers.world, row, State.DONE)
    assert (await customers.get(again))[0] == 410
    assert (await customers.told(order))["done"].state == "unwanted"
    forged = await customers.get("A" * 44)
    assert forged[0] == 404


async def test_a_rating_closes_once_and_an_unsolved_trouble_makes_somebody_call(
    customers: Customers, as_: Headers
) -> None:
    order = await way(customers, State.REVISIT)
    link = await customers.link(order, "rating")
    path = f"/public/ratings/{link}"
    unsolved = await customers.client.post(path, json={"solved": False, "comment": "还是冷"})
    assert unsolved.status_code == 204, unsolved.text
    again = await customers.client.post(path, json={"solved": False, "comment": "还是冷"})
    assert again.status_code == 204
    contradictory = await customers.client.post(path, json={"solved": False, "rating": 5})
    assert contradictory.status_code == 422
    open_ = await customers.client.get("/reply-duties", headers=as_("chief1"))
    assert [item["reason"] for item in open_.json()["items"]] == ["还是冷"]
    solved = {"solved": True, "rating": 5}
    for expected in (204, 410):
        answer = await customers.client.post(path, json=solved)
        assert answer.status_code == expected, answer.text
    assert (await customers.get(link))[0] == 404
    async with customers.database.transaction() as session:
        row = await session.get_one(WorkOrder, order.id)
        revisit = (await session.exec(select(Revisit).where(Revisit.order_id == order.id))).one()
    assert (row.state, revisit.rating, revisit.called_by) == ("CLOSED", 5, None)
    assert row.urges == 1, "the same word said twice is one urge"


async def test_no_message_twice_though_workers_die_and_gateways_fail(customers: Customers) -> None:
    order = await way(customers, State.ACCEPTED)
    received, dispatched = (await customers.told(order)).values()
    for row, dies in ((received, "before"), (dispatched, "after")):
        customers.gateway.dies = dies
        with pytest.raises(Killed):
            await deliver(customers.database, customers.channels, row.id)
        customers.gateway.dies, customers.gateway.lists = "", False
        calls = customers.gateway.calls
        await customers.deliver(row.id)
        assert customers.gateway.calls == calls, "what is not listed yet proves nothing"
        customers.gateway.lists = True
        for _ in range(2):
            await customers.deliver(row.id, later=True)
    assert len(customers.gateway.took) == 2
    assert customers.gateway.calls == 3
    for key, named in customers.gateway.named.items():
        assert all(
            value in customers.gateway.took[key] for value in (order.serial, named["serial"])
        )
    assert customers.gateway.named[str(dispatched.id)]["crew"] == "班组 A2"
    told = await customers.told(order)
    assert {row.state for row in told.values()} == {"sent"}
    other = await way(customers, State.NEW, premises="锦绣家园1-1-102")
    row = (await customers.told(other))["received"]
    customers.gateway.answers = [Outcome.QUOTA, Outcome.UNAVAILABLE, Outcome.UNREGISTERED]
    states = []
    for _ in range(3):
        await customers.deliver(row.id, later=True)
        states.append((await customers.told(other))["received"].state)
        calls = customers.gateway.calls
        await deliver(customers.database, customers.channels, row.id)
        assert customers.gateway.calls == calls, "a second worker that found it too is too early"
    assert states == ["queued", "queued", "failed"]
    clock.advance(timedelta(hours=2))
    slow = await way(customers, State.NEW, premises="锦绣家园3-1-101")
    row = (await customers.told(slow))["received"]
    customers.gateway.answers = [Outcome.UNAVAILABLE] * 8
    for _ in range(8):
        await customers.deliver(row.id, later=True)
    assert (await customers.told(slow))["received"].state == "queued", "an outage loses nothing"
    later = (await customers.told(slow))["received"]
    assert later.due_at > clock.real_now() and later.id not in await due(customers.database, 9, [])
    clock.advance(timedelta(hours=3, minutes=1))
    customers.gateway.answers = [Outcome.UNAVAILABLE]
    await customers.deliver(row.id, later=True)
    assert (await customers.told(slow))["received"].state == "failed"
    third = await way(customers, State.NEW, premises="锦绣家园1-2-201")
    row = (await customers.told(third))["received"]
    await deliver(customers.database, {}, row.id)
    customers.gateway.answers = [Outcome.MISCONFIGURED] * 7
    for _ in range(7):
        await customers.deliver(row.id)
    row = (await customers.told(third))["received"]
    assert (row.state, row.unsure_since) == ("queued", None), "a wrong key loses nothing"
    clock.advance(timedelta(hours=3, minutes=1))
    calls = customers.gateway.calls
    await customers.deliver(row.id)
    assert (await customers.told(third))["received"].state == "failed"
    assert customers.gateway.calls == calls, "its age is looked at before each call"


async def test_consent_is_the_last_word_and_is_looked_at_again_before_sending(
    customers: Customers, as_: Headers
) -> None:
    order = await way(customers, State.NEW)
    said = {"phone": "+86 139 0000 0001", "allowed": False, "how": "call"}
    put = await customers.client.put("/message-consents", json=said, headers=as_("agent"))
    assert (put.status_code, put.json()["phone"]) == (200, "13900000001")
    row = (await customers.told(order))["received"]
    await deliver(customers.database, customers.channels, row.id)
    assert (await customers.told(order))["received"].state == "unwanted"
    again = await customers.client.put(
        "/message-consents", json=said | {"allowed": True, "how": "form"}, headers=as_("agent")
    )
    assert again.json()["allowed"] is True
    read = await customers.client.get("/message-consents/13900000001", headers=as_("agent"))
    assert (read.json()["how"], customers.gateway.calls) == ("form", 0)
    unknown = await customers.client.get("/message-consents/13999999999", headers=as_("agent"))
    assert unknown.status_code == 404
    async with customers.database.transaction() as session:
        stored = await session.get_one(WorkOrder, order.id)
        desk = Act.now(await person(session, customers.world, "dispatcher"), Role.DISPATCHER)
        await assignments.assign(session, stored, customers.world.crews["A2"], desk, how="manual")
        await advance(session, customers.world, stored, State.ACCEPTED)
    path = f"/work-orders/{order.id}/messages"
    shown = await customers.client.get(path, headers=as_("agent"))
    assert [(each["kind"], each["state"]) for each in shown.json()] == [
        ("received", "unwanted"),
        ("dispatched", "queued"),
    ]
    assert clock.now() == NOW
