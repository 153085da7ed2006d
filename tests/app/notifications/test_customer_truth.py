"""Nobody is told what is not so any more, and a wrong number neither hears nor sees a thing."""

from datetime import timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.notifications import customer_messages
from app.notifications.channels import Outcome
from app.work_orders import approvals, service
from app.work_orders.acts import Act
from app.work_orders.holds import Proof
from app.work_orders.models import WorkOrder
from app.work_orders.states import State
from tests.app.notifications.customer_house import Customers, promise, way
from tests.conftest import Headers
from tests.factories.orders import advance, leader_act, person

MINUTE = timedelta(minutes=1)
STRANGER, CALLER = "13900000001", "13911112222"


async def _rebook(customers: Customers, as_: Headers, order: WorkOrder, hours: int) -> None:
    starts = clock.now() + timedelta(hours=hours)
    slot = {"starts_at": starts.isoformat(), "ends_at": (starts + 120 * MINUTE).isoformat()}
    answer = await customers.client.post(
        f"/work-orders/{order.id}/rebook",
        json={"appointment": slot, "reason": "要上班", "asked_by": "customer"},
        headers=as_("agent"),
    )
    assert answer.status_code == 200, answer.text


async def _correct_number(customers: Customers, as_: Headers, order: WorkOrder) -> None:
    path = f"/work-orders/{order.id}"
    shown = (await customers.client.get(path, headers=as_("agent"))).json()
    answer = await customers.client.patch(
        path, json={"version": shown["version"], "caller_phone": CALLER}, headers=as_("agent")
    )
    assert answer.status_code == 200, answer.text


async def _hold_and_resume(customers: Customers, order: WorkOrder) -> None:
    async with customers.database.transaction() as session:
        row = await session.get_one(WorkOrder, order.id)
        asked = await approvals.request_hold(
            session,
            row,
            await leader_act(session, row),
            reason="customer_absent",
            until=clock.now() + 30 * MINUTE,
            note="用户不在家",
            proof=Proof("sms", "7"),
        )
        chief = await person(session, customers.world, "chief1")
        await approvals.decide(session, chief, asked.id, True, None)
    clock.advance(31 * MINUTE)
    async with customers.database.transaction() as session:
        row = await service.locked_any(session, order.id)
        await service.resume(session, row, Act.by_timer(), "over")
        assert row.state == State.ENROUTE.value


async def _refused(session: AsyncSession) -> set[str]:
    rows = await session.execute(text("SELECT phone FROM message_consents WHERE NOT allowed"))
    return set(rows.scalars())


async def test_yesterdays_news_stays_at_home(customers: Customers, as_: Headers) -> None:
    order = await way(customers, State.NEW)
    customers.gateway.answers = [Outcome.QUOTA]
    for hours in (24, 48):
        await _rebook(customers, as_, order, hours)
        *_, newest = await customers.rows(order, "rebooked")
        await customers.deliver(newest.id)
    first, second = await customers.rows(order, "rebooked")
    assert (first.state, second.state) == ("queued", "sent")
    await customers.deliver(first.id)
    assert list(customers.gateway.took.values()) == [second.text]
    assert (await customers.rows(order, "rebooked"))[0].state == "moot"

    # An answer that nobody saw is asked for even when the words have lost their point.
    received = (await customers.told(order))["received"]
    customers.gateway.answers = [Outcome.UNAVAILABLE]
    await customers.deliver(received.id)
    async with customers.database.transaction() as session:
        stored = await session.get_one(WorkOrder, order.id)
        await advance(session, customers.world, stored, State.ENROUTE)
    dispatched = (await customers.told(order))["dispatched"]
    customers.gateway.took[str(received.id)] = received.text
    for row in (received, dispatched):
        await customers.deliver(row.id, later=True)
    told = await customers.told(order)
    assert (told["received"].state, told["dispatched"].state) == ("sent", "moot")

    other = await way(customers, State.ACCEPTED, premises="锦绣家园1-1-102")
    moved = await customers.client.post(
        f"/work-orders/{other.id}/assign",
        json={"crew_id": str(customers.world.crews["A3"]), "reason": "抛锚"},
        headers=as_("dispatcher"),
    )
    assert moved.status_code == 200, moved.text
    async with customers.database.transaction() as session:
        stored = await session.get_one(WorkOrder, other.id)
        await advance(session, customers.world, stored, State.ACCEPTED)
    for row in await customers.rows(other, "dispatched"):
        await customers.deliver(row.id)
    assert [row.state for row in await customers.rows(other, "dispatched")] == ["moot", "sent"]

    # The end of the slot is a promise too, before anybody set out.
    assert await customer_messages.watch_arrivals(customers.database) == 0
    await _rebook(customers, as_, other, 1)
    async with customers.database.transaction() as session:
        await promise(session, other, 180 + 14)
    assert await customer_messages.watch_arrivals(customers.database) == 0
    for expected in (1, 0):
        async with customers.database.transaction() as session:
            await promise(session, other, 180 + 16)
        assert await customer_messages.watch_arrivals(customers.database) == expected
    (late,) = await customers.rows(other, "delay")
    await customers.deliver(late.id)
    assert "预计1月15日11:16到达" in customers.gateway.took[str(late.id)]


async def test_after_a_hold_on_its_way_a_crew_is_announced_again(customers: Customers) -> None:
    order = await way(customers, State.ENROUTE)
    before = await customers.link(order, "on_the_way")
    assert (await customers.get(before))[1]["place"] is not None
    await _hold_and_resume(customers, order)
    held = (await customers.told(order))["held"]
    await customers.deliver(held.id)
    assert (await customers.told(order))["held"].state == "moot"
    assert (await customers.get(before))[0] == 410
    _, again = await customers.rows(order, "on_the_way")
    await customers.deliver(again.id)
    link = customers.gateway.took[str(again.id)].rsplit("/", 1)[1]

    # Nine minutes ago it stood at another customer's door.
    moved = text("UPDATE presence SET location_at = :at")
    for minutes, shown in ((-9, False), (0, True)):
        async with customers.database.transaction() as session:
            await session.execute(moved, {"at": clock.now() + minutes * MINUTE})
        status, visit = await customers.get(link)
        assert (status, visit["standing"]) == (200, "on_the_way")
        assert (visit["place"] is not None) == shown

    # Nobody could say when it comes; what the link shows first is what a slip is measured by.
    for minutes, expected in ((40, 0), (50, 0), (56, 1), (90, 0)):
        async with customers.database.transaction() as session:
            await promise(session, order, minutes)
        assert await customer_messages.watch_arrivals(customers.database) == expected


async def test_a_corrected_number_gets_the_word_and_the_wrong_one_loses_it(
    customers: Customers, as_: Headers
) -> None:
    order = await way(customers, State.ACCEPTED)
    received, dispatched = (await customers.told(order)).values()
    customers.gateway.answers = [Outcome.UNAVAILABLE]
    await customers.deliver(received.id)
    await _correct_number(customers, as_, order)
    for row in (received, dispatched):
        await customers.deliver(row.id, later=True)
    assert customers.gateway.numbers == {str(dispatched.id): CALLER}
    assert (await customers.told(order))["received"].state == "moot"

    other = await way(customers, State.REVISIT, premises="锦绣家园1-1-102")
    rating = await customers.link(other, "rating")
    third = await way(customers, State.ENROUTE, crew="A3", premises="锦绣家园1-2-201")
    visit = await customers.link(third, "on_the_way")
    assert (await customers.get(visit))[0] == 200
    for each in (other, third):
        await _correct_number(customers, as_, each)
    assert (await customers.get(visit))[0] == 410
    rated = await customers.client.post(f"/public/ratings/{rating}", json={"solved": True})
    assert rated.status_code == 410
    # Whoever held the wrong number may still say that he wants no more; the customer did not.
    for link in (visit, rating):
        async with customers.database.transaction() as session:
            await session.execute(text("DELETE FROM message_consents"))
        answer = await customers.client.post(f"/public/visits/{link}/opt-out")
        assert answer.status_code == 204, answer.text
        async with customers.database.transaction() as session:
            assert await _refused(session) == {STRANGER}
