"""POST /mobile/commands: what each kind does, and by whose rules."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from app.core import clock
from app.core.db import Database
from app.notifications.models import Notification
from app.organisation.models import Presence
from app.work_orders.models import Approval
from tests.app.mobile.said import PROBLEM, events, outcomes
from tests.factories.desk import Desk
from tests.factories.phone import AT_THE_DOOR, Phone
from tests.factories.world import World


class TestEffects:
    async def test_a_visit_up_to_restoration_in_one_batch(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        body = await leader.send(
            leader.command("accept", order_id),
            leader.command("contact", order_id, reached=True),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=AT_THE_DOOR),
            leader.command("start", order_id),
            leader.command(
                "restore",
                order_id,
                readings=[{"kind": "R", "value": 19.5, "unit": "°C", "room": "主卧"}],
            ),
        )
        assert outcomes(body) == ["applied"] * 6
        assert [answer["order"]["state"] for answer in body["answers"]] == [
            "ACCEPTED",
            "ACCEPTED",
            "ENROUTE",
            "ONSITE",
            "WORKING",
            "WORKING",
        ]
        done = {event.action: event for event in await events(database, order_id)}
        assert done["contacted"].payload["reached"] is True
        assert done["restored"].payload["readings"][0]["value"] == "19.5"
        assert (body["last_seq"], body["gaps"]) == (6, [])

    async def test_the_distance_at_arrival_is_recorded_and_does_not_block(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        far = {"lon": 117.03, "lat": 36.65, "accuracy_m": 20, "mock": True}
        body = await leader.send(
            leader.command("accept", order_id),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=far),
        )
        assert outcomes(body) == ["applied"] * 3
        payload = (await events(database, order_id))[-1].payload
        assert 880 <= payload["distance_m"] <= 910
        assert payload["geofence_m"] == 150
        assert payload["mock_place"] is True

    async def test_a_hold_waits_for_the_desk(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        await leader.do("accept", order_id)
        until = (clock.now() + timedelta(days=1)).isoformat()
        answer = await leader.do(
            "hold",
            order_id,
            hold_reason="waiting_parts",
            until=until,
            reason="缺 DN20 阀门",
            proof={"kind": "store_entry", "reference": "领料单 77"},
        )
        assert answer["outcome"] == "applied"
        assert answer["order"]["state"] == "ACCEPTED"
        async with database.transaction() as session:
            approval = await session.get(Approval, UUID(answer["result"]["approval_id"]))
        assert approval is not None
        assert approval.decided_at is None

    async def test_refuse_return_and_rebook_end_or_move_the_job(
        self, desk: Desk, leader: Phone
    ) -> None:
        refused = await desk.sent(premises="锦绣家园1-1-101")
        returned = await desk.sent(premises="锦绣家园1-1-102")
        rebooked = await desk.sent(premises="锦绣家园1-2-201")
        slot = {
            "starts_at": (clock.now() + timedelta(hours=6)).isoformat(),
            "ends_at": (clock.now() + timedelta(hours=8)).isoformat(),
        }
        body = await leader.send(
            leader.command("refuse", refused, reason="车辆故障"),
            leader.command("accept", returned),
            leader.command("return", returned, reason="不属本站"),
            leader.command("rebook", rebooked, appointment=slot, reason="客户要求"),
        )
        states = [answer["order"]["state"] for answer in body["answers"]]
        assert states == ["RETURNED", "ACCEPTED", "RETURNED", "SENT"]
        await leader.sync()
        assert list(leader.jobs) == [rebooked]
        assert leader.jobs[rebooked]["appointment"] is not None

    async def test_completion_answers_its_record(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent(fault_code="H02")
        await leader.send(
            leader.command("accept", order_id),
            leader.command("depart", order_id),
            leader.command("arrive", order_id, place=AT_THE_DOOR),
            leader.command("start", order_id),
        )
        files = [("B", "image/jpeg"), ("F", "image/jpeg"), ("G", "image/png")]
        manifest = [
            {
                "file_id": str(uuid4()),
                "kind": kind,
                "media_type": media_type,
                "size_bytes": 1000 + number,
                "sha256": f"{number:064x}",
            }
            for number, (kind, media_type) in enumerate(files)
        ]
        completion = {
            "outcome": "fixed",
            "cause_code": "equipment_age",
            "summary": "已排气",
            "readings": [{"kind": "R", "value": 20, "unit": "°C", "room": "客厅"}],
            "manifest": manifest,
        }
        answer = await leader.do("complete", order_id, completion=completion)
        assert answer["outcome"] == "applied", answer
        assert answer["order"]["state"] == "DONE"
        assert UUID(answer["result"]["completion_id"])
        await leader.sync()
        missing = leader.jobs[order_id]["evidence"]["missing_files"]
        assert set(missing) == {each["file_id"] for each in manifest}

    @pytest.mark.parametrize(
        ("kind", "missing"),
        [
            ("refuse", "reason"),
            ("hold", "hold_reason"),
            ("rebook", "appointment"),
            ("complete", "completion"),
        ],
    )
    async def test_what_the_kind_needs_and_lacks_is_named(
        self, desk: Desk, leader: Phone, kind: str, missing: str
    ) -> None:
        answer = await leader.do(kind, await desk.sent())
        assert answer["outcome"] == "refused"
        assert answer["problem"]["type"] == PROBLEM + "command-incomplete"
        assert answer["problem"]["missing"] == [missing]

    async def test_a_named_order_is_acknowledged_and_the_technician_on_line(
        self, desk: Desk, leader: Phone, database: Database, world: World
    ) -> None:
        order_id = await desk.sent()
        clock.advance(timedelta(minutes=1))
        await leader.do("accept", order_id, place=AT_THE_DOOR)
        async with database.transaction() as session:
            rows = (await session.exec(select(Notification))).all()
            presence = await session.get_one(Presence, world.technicians["tech01"])
        acknowledged = {row.user_id for row in rows if row.acknowledged_at is not None}
        assert acknowledged == {world.users["tech01"]}
        assert presence.location_at == clock.now()
