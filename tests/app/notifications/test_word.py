"""Whose word ends an alarm when a crew's people change, and what the staff's groups hear of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.core.scope import Grant, Principal
from app.notifications import alarms, repository
from app.notifications.delivery import deliver
from app.notifications.guarding import GuardedChannel
from app.notifications.ladder_models import Alarm
from app.notifications.models import DeliveryAttempt, Dispatch
from app.notifications.staff import StaffChannel
from app.organisation import crews
from app.work_orders.models import WorkOrder
from tests.app.notifications.records import attempts, change_dispatch, dispatches, notifications
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World

DOORS = ("锦绣家园1-1-102", "锦绣家园1-2-201", "锦绣家园3-1-101", "锦绣家园1-1-101")


async def alarms_of(database: Database, order_id: str) -> dict[str, Alarm]:
    """By kind."""
    async with database.transaction() as session:
        query = select(Alarm).where(Alarm.order_id == UUID(order_id)).order_by(col(Alarm.id))
        return {row.kind: row for row in (await session.exec(query)).all()}


async def moves(database: Database, world: World, name: str, left: str, joined: str) -> None:
    """A technician leaves a crew for another."""
    admin = Principal(id=world.users["admin"], name="admin", grants=(Grant(Role.ADMIN, None),))
    query = "SELECT t.id FROM technicians t JOIN users u ON u.id = t.user_id WHERE username = :name"
    async with database.transaction() as session:
        mover = (await session.execute(text(query), {"name": name})).scalar_one()
        await crews.end_membership(session, admin, world.crews[left], mover)
        await crews.add_member(session, admin, world.crews[joined], mover, "helper")


async def red(client: httpx.AsyncClient, as_: Headers) -> list[Any]:
    answer = await client.get("/notifications/unheard", headers=as_("dispatcher"))
    found: list[Any] = answer.json()
    return found


async def test_who_joined_a_crew_after_the_push_answers_for_it(
    client: httpx.AsyncClient, desk: Desk, as_: Headers, database: Database, world: World
) -> None:
    by_command = await desk.sent(crew="A1")
    by_sync = await desk.sent(crew="A1", premises=DOORS[0])
    await moves(database, world, "tech04", "A3", "A1")
    phone = Phone(client, as_("tech04"))
    await phone.sync_until(lambda _: by_sync in phone.jobs)
    for each in (by_command, by_sync):
        assert (await alarms_of(database, each))["new"].closed_at is None, "it may be lost yet"

    await phone.do("accept", by_command)
    alarm = (await alarms_of(database, by_command))["new"]
    assert (alarm.closed_why, alarm.heard_by) == ("heard", world.users["tech04"])
    await phone.pulls()
    alarm = (await alarms_of(database, by_sync))["new"]
    assert (alarm.closed_why, alarm.heard_by) == ("heard", world.users["tech04"])

    # A person of another crew answers for nobody, whatever they say.
    theirs = await desk.sent(crew="A2", premises=DOORS[1])
    await phone.do("accept", theirs)
    await phone.pulls()
    assert (await alarms_of(database, theirs))["new"].closed_at is None
    clock.advance(timedelta(hours=1))
    await alarms.sweep(database)
    assert [each["order_id"] for each in await red(client, as_)] == [theirs]


async def test_a_crew_that_may_have_the_job_is_told_of_its_loss_until_it_answers(
    client: httpx.AsyncClient, desk: Desk, as_: Headers, database: Database, world: World
) -> None:
    async def told_by(result: str, door: str) -> bool:
        """Whether a loss has a ladder when this is all that became of the push."""
        order_id = await desk.sent(crew="A2", premises=door)
        (row,) = [each for each in await dispatches(database) if each.id not in known]
        known.add(row.id)
        async with database.transaction() as session:
            session.add(
                DeliveryAttempt(
                    dispatch_id=row.id,
                    notification_id=row.notification_id,
                    provider="jpush",
                    at=clock.now(),
                    result=result,
                )
            )
        await desk.withdraw(order_id)
        known.update(each.id for each in await dispatches(database))
        return "withdrawn" in await alarms_of(database, order_id)

    known: set[UUID] = set()
    results = {"unregistered": False, "quota": False, "accepted": True, "lost": True}
    for door, (result, alarmed) in zip(DOORS, results.items(), strict=True):
        assert await told_by(result, door) is alarmed, result

    # Its phone had it in an answer, and nothing of the push was seen.
    async with database.transaction() as session:
        query = select(WorkOrder.id).order_by(col(WorkOrder.id)).limit(1)
        order_id = str((await session.exec(query)).one())
    await desk.assign(order_id, "A3")
    clock.advance(timedelta(seconds=1))
    phone = Phone(client, as_("tech04"))
    await phone.sync_until(lambda _: order_id in phone.jobs)
    assert (await alarms_of(database, order_id))["new"].closed_at is None
    await desk.withdraw(order_id)
    assert (await alarms_of(database, order_id))["withdrawn"].closed_at is None


async def test_a_sync_and_a_climb_of_the_same_alarm_do_not_wait_for_each_other(
    desk: Desk, database: Database, world: World
) -> None:
    order_id = await desk.sent(crew="A2")
    clock.advance(timedelta(seconds=120))
    (told,) = await notifications(database)
    alarm = (await alarms_of(database, order_id))["new"]
    async with database.transaction() as phone:
        await repository.acknowledge(phone, [told.id], clock.now())
        async with database.transaction() as worker:
            await worker.execute(text("SET LOCAL lock_timeout = '1s'"))
            await alarms.climb(worker, alarm.id, clock.now())
        await alarms.heard(phone, [alarm.id], told.user_id, clock.now())
    alarm = (await alarms_of(database, order_id))["new"]
    assert (alarm.steps_taken, alarm.closed_why) == (2, "heard")


class Group:
    """A chat that takes a word or does not."""

    def __init__(self, *answers: bool) -> None:
        self.answers, self.heard = list(answers), 0

    async def async_notify(self, **_said: str) -> bool:
        self.heard += 1
        return self.answers.pop(0)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_each_group_of_the_staff_is_told_once_and_nobody_of_what_was_answered(
    client: httpx.AsyncClient, desk: Desk, as_: Headers, database: Database, world: World
) -> None:
    first = await desk.sent(crew="A2")
    second = await desk.sent(crew="A3", premises=DOORS[0])
    clock.advance(timedelta(seconds=420))
    await alarms.sweep(database)
    alerts = {row.alarm_id: row for row in await dispatches(database) if row.channel == "staff"}
    urls = ["json://group-one.test", "json://group-two.test"]
    channel = StaffChannel(urls)
    good, bad = Group(True), Group(False, True)
    channel._targets = dict(zip(channel._targets, (good, bad), strict=True))
    channels = {"staff": GuardedChannel(channel)}

    alert = alerts[(await alarms_of(database, first))["new"].id]
    await deliver(database, channels, alert.id)
    assert sorted(each.result for each in await attempts(database)) == ["accepted", "unavailable"]
    await change_dispatch(database, alert.id, due_at=clock.real_now())
    await deliver(database, channels, alert.id)
    assert (good.heard, bad.heard) == (1, 2), "only the group that failed is asked again"
    kept = str(await attempts(database))
    assert not any(url.removeprefix("json://") in kept for url in urls)

    await Phone(client, as_("tech04")).do("accept", second)
    alert = alerts[(await alarms_of(database, second))["new"].id]
    await deliver(database, channels, alert.id)
    states = {
        row.alarm_id: row.state for row in await dispatches(database) if row.channel == "staff"
    }
    assert list(states.values()) == ["sent", "moot"]
    assert (good.heard, bad.heard) == (1, 2)

    # The top of a ladder without red is no answer: its last word goes out.
    async with database.transaction() as session:
        await session.execute(update(Alarm).values(closed_why="climbed", closed_at=clock.now()))
        await session.execute(
            update(Dispatch).where(col(Dispatch.id) == alert.id).values(state="queued")
        )
    good.answers, bad.answers = [True], [True]
    await deliver(database, channels, alert.id)
    assert (good.heard, bad.heard) == (2, 3)
