"""Arrival: a place inside the geofence or the code on the building; unproved it wants a photo."""

from datetime import date
from uuid import uuid4

import httpx
from sqlalchemy import text

from app.completions.hooks import _permit_problem
from app.completions.models import CompletionRecord
from app.core import clock
from app.core.db import Database
from app.evidence.policy import Needed
from tests.app.mobile.test_together import photo, record
from tests.factories.desk import Desk
from tests.factories.phone import Chief, Phone
from tests.factories.world import World

FAR = {"lon": 117.06, "lat": 36.65, "accuracy_m": 20}

_TRACKED = """
INSERT INTO positions (technician_id, client_at, at, received_at, place, accuracy_m, mocked)
SELECT t.id, :at, :at, :at, ST_SetSRID(ST_MakePoint(:lon, :lat), 4326), :accuracy_m, false
  FROM technicians t JOIN users u ON u.id = t.user_id WHERE u.username = 'tech01'
"""


class TestArrival:
    async def test_unproved_it_counts_is_flagged_and_wants_a_photo_before_done(
        self, desk: Desk, leader: Phone, chief: Chief
    ) -> None:
        order_id = await desk.sent(fault_code="H02")
        await leader.do("accept", order_id)
        await leader.do("depart", order_id)
        answer = await leader.do("arrive", order_id, place=FAR | {"mock": True})
        assert answer["outcome"] == "applied"
        assert answer["result"]["proved"] is None
        assert answer["result"]["photo_wanted"] is True
        flags = await chief.flags()
        assert {"arrival_unproved", "mock_place"} <= set(flags)
        assert flags["arrival_unproved"]["data"]["geofence_m"] == 150
        await leader.do("start", order_id)
        files = [photo(kind, number) for number, kind in enumerate("BFG")]
        room = {"kind": "R", "value": 20, "unit": "°C", "room": "客厅"}
        said = record(*files, readings=[room])
        refused = await leader.do("complete", order_id, completion=said)
        assert refused["problem"]["type"].endswith("record-incomplete")
        assert refused["problem"]["arrival_photo"] is True
        shown = await leader.do("record", order_id, contribution={"files": [photo("A", 9)]})
        assert shown["outcome"] == "applied"
        assert (await leader.do("complete", order_id, completion=said))["outcome"] == "applied"
        (told,) = await chief.reads(f"/work-orders/{order_id}/completions")
        assert told["arrival"]["mock_place"] is True
        assert told["arrival"]["photo_wanted"] is True

    async def test_the_code_on_the_building_proves_it_where_no_satellite_does(
        self, desk: Desk, leader: Phone, chief: Chief, world: World, client: httpx.AsyncClient
    ) -> None:
        path = f"/buildings/{world.buildings['锦绣家园1']}/arrival-codes"
        box = {"kind": "box", "label": "地下室表箱"}
        made = await client.post(path, json=box, headers=chief.as_("chief1"))
        assert made.status_code == 201, made.text
        assert [each["said"] for each in await chief.reads(path)] == [made.json()["said"]]
        stranger = await client.get(path, headers=chief.as_("chief2"))
        assert stranger.status_code == 404
        proved = {}
        for premises, said in (
            ("锦绣家园1-1-101", made.json()["said"]),
            ("锦绣家园1-1-102", "paigong:arrival:ANOTHER"),
            ("锦绣家园1-2-201", made.json()["said"]),
        ):
            if premises == "锦绣家园1-2-201":
                code = f"/arrival-codes/{made.json()['id']}"
                ended = await client.delete(code, headers=chief.as_("chief1"))
                assert ended.status_code == 204
            order_id = await desk.sent(premises=premises)
            await leader.do("accept", order_id)
            await leader.do("depart", order_id)
            place = FAR if premises == "锦绣家园1-1-101" else None
            answer = await leader.do("arrive", order_id, arrival_code=said, place=place)
            proved[premises] = answer["result"]["proved"]
            await leader.do("return", order_id, reason="不属本站")
        assert list(proved.values()) == ["code", None, None]
        assert (await chief.flags())["code_elsewhere"]["data"]["distance_m"] > 2_000
        assert "code_unplaced" not in await chief.flags()

    async def test_a_code_without_a_position_is_noted_and_flagged_when_the_track_is_elsewhere(
        self, desk: Desk, leader: Phone, chief: Chief, world: World, database: Database
    ) -> None:
        path = f"/buildings/{world.buildings['锦绣家园1']}/arrival-codes"
        body = {"kind": "box", "label": "地下室表箱"}
        made = await chief.client.post(path, json=body, headers=chief.as_("chief1"))
        said = made.json()["said"]
        for premises, seen in (("锦绣家园1-1-101", False), ("锦绣家园1-1-102", True)):
            order_id = await desk.sent(premises=premises)
            await leader.do("accept", order_id)
            await leader.do("depart", order_id)
            if seen:
                async with database.transaction() as session:
                    await session.execute(text(_TRACKED), FAR | {"at": clock.now()})
            result = (await leader.do("arrive", order_id, arrival_code=said))["result"]
            assert (result["proved"], result["distance_m"]) == ("code", None)
            assert result["code_unplaced"] is seen
            assert ("code_unplaced" in await chief.flags()) is seen
            await leader.do("return", order_id, reason="不属本站")
        assert (await chief.flags())["code_unplaced"]["data"]["seen_m"] > 2_000


class TestSafety:
    async def test_a_certificate_that_ran_out_after_dispatch_blocks_accept(
        self, desk: Desk, leader: Phone, database: Database
    ) -> None:
        order_id = await desk.sent()
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE technician_skills SET expires_on = :day"), {"day": date(2026, 1, 14)}
            )
        answer = await leader.do("accept", order_id)
        assert answer["outcome"] == "refused"
        assert answer["problem"]["type"].endswith("certificate-expired")
        assert (await desk.order(order_id))["state"] == "SENT"

    def test_level_four_is_never_done_without_a_closed_permit(self) -> None:
        row = CompletionRecord(
            order_id=uuid4(),
            attempt=1,
            assignment_id=uuid4(),
            completed_by=uuid4(),
            done_at=clock.now(),
            outcome="fixed",
            cause_code="x",
            summary="x",
            readings=[],
            parts=[],
            shares=[],
            manifest=[],
        )
        nothing = Needed(frozenset(), frozenset())
        assert _permit_problem(row, nothing, 4, clock.now()) == "missing"
        assert _permit_problem(row, nothing, 3, clock.now()) is None
        row.permit = {"number": "W-1", "closed_at": "2199-01-01T00:00:00+00:00"}
        assert _permit_problem(row, nothing, 4, clock.now()) == "closed after completion"
        row.outcome = "absent"
        row.permit = None
        assert _permit_problem(row, nothing, 4, clock.now()) is None
