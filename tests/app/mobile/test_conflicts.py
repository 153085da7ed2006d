"""The conflict inbox: nothing is dropped, nothing is written over, a person decides."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.mobile.conflicts import reason_of
from app.mobile.errors import RecordStands
from app.mobile.models import PhoneConflict
from app.verification import fold
from app.work_orders.errors import ApprovalPending, IllegalTransition, LeaderOnly, NotYours
from app.work_orders.models import OrderClock, WorkOrderEvent
from app.work_orders.states import State
from tests.factories.desk import Desk
from tests.factories.phone import AT_THE_DOOR, Chief, Phone
from tests.factories.world import NOW, World


async def last_event(database: Database, order_id: str) -> WorkOrderEvent:
    async with database.transaction() as session:
        query = select(WorkOrderEvent).where(WorkOrderEvent.order_id == UUID(order_id))
        return (await session.exec(query.order_by(col(WorkOrderEvent.seq).desc()))).all()[0]


async def stopped(database: Database, order_id: str, name: str) -> datetime | None:
    async with database.transaction() as session:
        query = select(OrderClock.stopped_at).where(
            OrderClock.order_id == UUID(order_id), OrderClock.clock == name
        )
        return (await session.exec(query)).one()


async def differences(database: Database) -> list[Any]:
    async with database.transaction() as session:
        return (await fold(session)).differences


class TestReassigned:
    async def test_what_was_done_off_line_is_listed_and_decided_on_one_by_one(
        self, desk: Desk, leader: Phone, chief: Chief, world: World, database: Database
    ) -> None:
        order_id = await desk.sent(crew="A1")
        await leader.sync()
        commands = [
            leader.command("accept", order_id),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=AT_THE_DOOR),
        ]
        clock.advance(timedelta(minutes=10))
        await desk.assign(order_id, "A2")
        body = await leader.send(*commands)
        assert [each["outcome"] for each in body["answers"]] == ["conflict"] * 3
        assert {each["conflict_reason"] for each in body["answers"]} == {"reassigned"}
        assert (body["last_seq"], body["gaps"]) == (3, [])
        again = await leader.send(*commands)
        assert again["answers"] == [each | {"replayed": True} for each in body["answers"]]

        listed = await chief.reads("/phone-conflicts", open="true")
        assert {each["id"] for each in listed} == {e["conflict_id"] for e in body["answers"]}
        accept, depart, arrive = (each["conflict_id"] for each in body["answers"])
        one = await chief.reads(f"/phone-conflicts/{arrive}")
        assert one["said"]["place"]["accuracy_m"] == 12.5
        assert one["stands"]["crew_id"] == str(world.crews["A2"])
        assert one["stands"]["event"]["action"] == "resent"
        assert one["crew_id"] == str(world.crews["A1"])
        elsewhere = Chief(chief.client, chief.as_, "chief2")
        assert await elsewhere.reads("/phone-conflicts") == []
        assert (await elsewhere.resolves(arrive, "keep")).status_code == 404
        notices = (await leader.sync())["notices"]
        assert [each["kind"] for each in notices] == ["conflict"] * 3

        clock.advance(timedelta(hours=1))
        # Meanwhile the phone's clock was set: the time was measured when the command came.
        await leader.sync(device_time=clock.now() + timedelta(hours=3))
        assert (await chief.resolves(accept, "keep")).json()["result"] == {"state": "SENT"}
        done = await chief.resolves(arrive, "apply", note="一班已到现场")
        assert done.status_code == 200, done.text
        assert done.json()["result"]["state"] == "ONSITE"
        assert done.json()["result"]["steps"] == ["accepted", "departed"]
        event = await last_event(database, order_id)
        assert (event.action, event.actor_id) == ("arrived", world.users["tech01"])
        assert event.payload["conflict_id"] == arrive
        assert event.device_id == world.devices["tech01"]
        # Both clocks, and what counts for service levels is when it was done.
        assert (event.at, event.client_at, event.server_at) == (NOW, NOW, clock.now())
        assert await stopped(database, order_id, "K4") == NOW
        late = await chief.resolves(depart, "apply")
        assert late.status_code == 409
        assert late.json()["type"].endswith("illegal-transition")
        assert (await desk.order(order_id))["state"] == "ONSITE"
        assert (await chief.resolves(arrive, "keep")).json()["type"].endswith("conflict-resolved")
        mine = await chief.client.get("/mobile/conflicts?open_only=true", headers=leader.headers)
        assert [each["id"] for each in mine.json()] == [depart]
        kinds = [each["kind"] for each in (await leader.sync())["notices"]]
        assert sorted(kinds) == ["conflict", "conflict_resolved", "conflict_resolved"]
        replay = (await leader.send(commands[2]))["answers"][0]
        assert (replay["outcome"], replay["replayed"]) == ("conflict", True)
        assert await differences(database) == []


class TestColleagues:
    async def test_what_a_colleague_did_before_and_what_came_too_early(
        self, desk: Desk, leader: Phone, helper: Phone, chief: Chief, database: Database
    ) -> None:
        order_id = await desk.sent()
        early = await leader.do("depart", order_id)
        assert (early["outcome"], early["conflict_reason"]) == ("conflict", "too_early")
        await leader.do("accept", order_id)
        twice = await helper.do("accept", order_id)
        assert (twice["outcome"], twice["conflict_reason"]) == ("conflict", "already_done")
        stands = (await chief.reads(f"/phone-conflicts/{twice['conflict_id']}"))["stands"]
        assert (stands["event"]["action"], stands["event"]["by_name"]) == ("accepted", "Tech01")
        done = await chief.resolves(early["conflict_id"], "apply")
        assert done.json()["result"] == {"state": "ENROUTE", "steps": []}
        noted = await helper.do("accept", order_id, note="院门密码 2580")
        await self._of_an_older_version(database, noted["conflict_id"])
        old = await chief.reads(f"/phone-conflicts/{noted['conflict_id']}")
        assert (old["kind"], old["said"]["kind"]) == ("take", "take")
        outdated = await chief.resolves(noted["conflict_id"], "apply")
        assert (outdated.status_code, outdated.json()["fields"]) == (409, ["kind", "mood"])
        taken = await chief.resolves(noted["conflict_id"], "split", "note")
        assert taken.json()["result"]["fields"] == ["note"]
        split = await chief.resolves(twice["conflict_id"], "split", "note")
        assert split.status_code == 422
        assert split.json()["type"].endswith("nothing-to-split")
        assert (await chief.resolves(twice["conflict_id"], "keep")).status_code == 200
        assert await chief.reads("/phone-conflicts", open="true") == []
        assert await differences(database) == []

    async def _of_an_older_version(self, database: Database, conflict_id: str) -> None:
        async with database.transaction() as session:
            row = await session.get_one(PhoneConflict, UUID(conflict_id))
            row.kind, row.said = "take", row.said | {"kind": "take", "mood": "good"}


class TestReasons:
    @pytest.mark.parametrize(
        ("problem", "kind", "state", "lost", "before", "reason"),
        [
            (RecordStands(), "complete", State.DONE, False, True, "fields_differ"),
            (ApprovalPending(), "hold", State.WORKING, False, True, "approval_pending"),
            (LeaderOnly(), "start", State.ONSITE, False, False, "not_leader"),
            (NotYours(), "accept", State.SENT, True, False, "reassigned"),
            (NotYours(), "accept", State.CANCELLED, True, False, "order_ended"),
            (IllegalTransition(), "complete", State.CLOSED, False, True, "order_ended"),
            (IllegalTransition(), "return", State.RETURNED, True, True, "already_done"),
            (IllegalTransition(), "start", State.RETURNED, True, False, "reassigned"),
            (IllegalTransition(), "restore", State.DONE, False, False, "already_done"),
            (IllegalTransition(), "arrive", State.WORKING, False, False, "already_done"),
            (IllegalTransition(), "start", State.ENROUTE, False, False, "too_early"),
            (IllegalTransition(), "restore", State.ONSITE, False, False, "too_early"),
        ],
    )
    def test_each_has_its_own(
        self, problem: Any, kind: str, state: State, lost: bool, before: bool, reason: str
    ) -> None:
        assert reason_of(problem, kind, state, NOW if lost else None, before) == reason
