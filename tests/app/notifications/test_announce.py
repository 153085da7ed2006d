"""Who is told of what, in the transaction of the happening itself."""

from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.core.scope import Principal
from app.identity.service import principal_of_user
from app.notifications import dispatch_rows, outbox, recipients, texts, worth
from app.notifications.hooks import announce
from app.notifications.models import Notification
from app.notifications.policy import (
    CHANGED,
    NEW,
    TOLD,
    WITHDRAWN,
    Telling,
    is_moot,
    kinds_by_user,
)
from app.work_orders import assignments, repository, service
from app.work_orders.acts import Act
from app.work_orders.models import ReplyDuty
from app.work_orders.states import Action
from tests.app.notifications.records import dispatches, notifications
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World


def told(rows: list[Notification], world: World) -> list[tuple[str, str]]:
    """(username, kind) of each message."""
    names = {user_id: name for name, user_id in world.users.items()}
    return [(names[row.user_id], row.kind) for row in rows]


async def dispatcher(session: AsyncSession, world: World) -> Principal:
    return await principal_of_user(session, world.users["dispatcher"])


class TestKinds:
    def test_who_keeps_the_order_hears_that_it_is_theirs(self) -> None:
        ann, bob, eve = uuid4(), uuid4(), uuid4()
        kinds = kinds_by_user(Telling(WITHDRAWN, NEW), [ann, bob], [bob, eve], None)
        assert kinds == {ann: WITHDRAWN, bob: NEW, eve: NEW}

    def test_who_acted_hears_nothing(self) -> None:
        ann, bob = uuid4(), uuid4()
        assert kinds_by_user(Telling(WITHDRAWN, None), [ann, bob], [], ann) == {bob: WITHDRAWN}

    def test_a_farewell_is_moot_when_the_order_is_back(self) -> None:
        assert is_moot(WITHDRAWN, still_holds=True)
        assert not is_moot(WITHDRAWN, still_holds=False)

    def test_news_of_an_order_that_is_gone_are_moot(self) -> None:
        assert is_moot(NEW, still_holds=False)
        assert not is_moot(CHANGED, still_holds=True)

    def test_every_action_that_takes_an_order_away_is_told(self) -> None:
        taking = {Action.RESENT, Action.TRANSFERRED, Action.WITHDRAWN, Action.RETURNED}
        taking |= {Action.REFUSED, Action.ACCEPT_EXPIRED, Action.HELD, Action.CANCELLED}
        taking |= {Action.MERGED}
        assert {action for action, told in TOLD.items() if told.before == WITHDRAWN} == taking


class TestAbove:
    async def test_a_supervision_reaches_chiefs_then_managers_and_ends_with_the_reply(
        self,
        client: httpx.AsyncClient,
        desk: Desk,
        as_: Headers,
        database: Database,
        world: World,
    ) -> None:
        order_id = await desk.sent()
        before = len(await notifications(database))
        path = f"/work-orders/{order_id}/supervise"
        for level, who in ((1, "manager"), (2, "manager")):
            body = {"level": level, "reason": "大面积停热"}
            answer = await client.post(path, json=body, headers=as_(who))
            assert answer.status_code < 300, answer.text
        above = (await notifications(database))[before:]
        first, second = above
        assert told(above, world) == [("chief1", "supervised")] * 2, "the manager knows: he asked"
        channels = [{row.channel for row in await dispatches(database, each.id)} for each in above]
        assert channels == [{"push", "staff"}, {"push", "sms", "staff"}]
        async with database.transaction() as session:
            (job,) = await recipients.jobs_told(session, [first.id])
            assert "督办" in texts.sentence([job], "zh")
            duty = await session.get_one(ReplyDuty, UUID(second.data["duty_id"]))
            duty.answered_at = clock.now()
            duty.answered_by, duty.reply = world.users["manager"], "已安排"
        async with database.transaction() as session:
            waiting = [
                await dispatch_rows.queued(session, (await dispatches(database, each.id))[0].id)
                for each in above
            ]
            worth_it = [await worth.still_worth_it(session, row) for row in waiting if row]
        assert worth_it == [True, False]
        async with database.transaction() as session:
            people = await recipients.managers(session, world.stations["S01"])
        assert [each.user_id for each in people] == [world.users["manager"]]


class TestAnnounce:
    async def test_each_member_of_the_crew_is_told_once_and_by_a_message_that_is_due(
        self, desk: Desk, database: Database, world: World
    ) -> None:
        await desk.sent(crew="A1")
        rows = await notifications(database)
        assert sorted(told(rows, world)) == [("tech01", "new"), ("tech02", "new")]
        due = await outbox.due(database, outbox.PUSH, 10, [])
        assert sorted(due) == sorted(row.id for row in await dispatches(database))
        assert await outbox.due(database, outbox.PUSH, 10, due[:1]) == due[1:]
        assert await outbox.due(database, outbox.SMS, 10, []) == []
        assert {row.notification_id for row in await dispatches(database)} == {
            row.id for row in rows
        }

    async def test_the_message_names_the_order_and_no_person(
        self, desk: Desk, database: Database
    ) -> None:
        order_id = await desk.sent(crew="A2")
        (row,) = await notifications(database)
        version = (await desk.order(order_id))["version"]
        assert row.data == {"kind": "new", "order_id": order_id, "order_version": str(version)}

    async def test_the_losing_crew_hears_too(
        self, desk: Desk, database: Database, world: World
    ) -> None:
        order_id = await desk.sent(crew="A2")
        await desk.assign(order_id, "A3")
        assert told(await notifications(database), world)[1:] in (
            [("tech03", "withdrawn"), ("tech04", "new")],
            [("tech04", "new"), ("tech03", "withdrawn")],
        )

    async def test_what_a_technician_does_is_told_to_the_other_members_only(
        self, desk: Desk, as_: Headers, database: Database, world: World
    ) -> None:
        order_id = await desk.sent(crew="A1")
        phone = Phone(desk.client, as_("tech01"))
        await phone.do("accept", order_id)
        await phone.do("return", order_id, reason="不属本站")
        assert told(await notifications(database), world)[2:] == [("tech02", "withdrawn")]

    async def test_an_order_without_a_crew_wakes_nobody(
        self, desk: Desk, database: Database
    ) -> None:
        order_id = await desk.report()
        await desk.amend(order_id, notes="院门密码 2580")
        assert await notifications(database) == []

    async def test_a_later_withdrawal_from_another_crew_does_not_reach_the_first(
        self, desk: Desk, database: Database, world: World
    ) -> None:
        order_id = await desk.sent(crew="A2")
        await desk.withdraw(order_id)
        await desk.assign(order_id, "A3")
        await desk.withdraw(order_id)
        assert told(await notifications(database), world) == [
            ("tech03", "new"),
            ("tech03", "withdrawn"),
            ("tech04", "new"),
            ("tech04", "withdrawn"),
        ]

    async def test_the_same_event_announced_again_adds_nothing(
        self, desk: Desk, database: Database
    ) -> None:
        order_id = UUID(await desk.sent(crew="A2"))
        async with database.transaction() as session:
            order = await service.locked_any(session, order_id)
            event = (await repository.events(session, order_id))[-1]
            await announce(session, order, event)
        assert len(await notifications(database)) == 1
        assert len(await dispatches(database)) == 1

    async def test_a_rollback_leaves_no_message(
        self, desk: Desk, database: Database, world: World
    ) -> None:
        order_id = UUID(await desk.report())
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as session:
                order = await service.locked_any(session, order_id)
                act = Act.now(await dispatcher(session, world), Role.DISPATCHER)
                await assignments.assign(
                    session, order, world.crews["A1"], act, how="manual", reason="nearest"
                )
                raise ZeroDivisionError
        assert await notifications(database) == []
        assert await dispatches(database) == []
