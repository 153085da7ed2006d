"""Transitions 14 and 15: files in, the reviewer no worker, a second attempt."""

from uuid import UUID

import httpx
import pytest

from app.completions.models import CompletionRecord
from app.core.db import Database
from app.core.permissions import Role
from app.identity.models import RoleGrant
from tests.app.completions.said import complete, record
from tests.app.evidence.at_work import PhoneFile, h02_files, jpeg, png, reread
from tests.app.evidence.conftest import Phone
from tests.app.evidence.test_tus import problem
from tests.conftest import Headers
from tests.factories.world import World


class Desk:
    """A reviewer's screen."""

    def __init__(self, client: httpx.AsyncClient, as_: Headers) -> None:
        self.client = client
        self.as_ = as_

    async def decide(
        self, written: CompletionRecord, decision: str, reason: str | None = None, by: str = ""
    ) -> httpx.Response:
        return await self.client.post(
            f"/completions/{written.id}/review",
            json={"decision": decision, "reason": reason},
            headers=self.as_(by or "reviewer"),
        )


@pytest.fixture
def desk(client: httpx.AsyncClient, as_: Headers) -> Desk:
    return Desk(client, as_)


async def state(database: Database, order_id: UUID) -> tuple[str, str]:
    async with database.transaction() as session:
        order = await reread(session, order_id)
        return order.state, order.evidence_state


class TestPass:
    async def test_waits_for_every_declared_file_and_names_the_missing(
        self, desk: Desk, phone: Phone, database: Database, world: World, order_id: UUID
    ) -> None:
        files = h02_files()
        await phone.upload(files[0])
        written = await complete(database, world, order_id, record(files))
        await phone.upload(files[1])
        refused = await desk.decide(written, "passed")
        assert (refused.status_code, problem(refused)) == (409, "evidence-not-received")
        assert refused.json()["missing"] == [str(files[2].id)]
        assert await state(database, order_id) == ("DONE", "incomplete")
        await phone.upload(files[2])
        assert await state(database, order_id) == ("DONE", "complete")
        passed = await desk.decide(written, "passed")
        assert passed.status_code == 201, passed.text
        assert passed.json()["decision"] == "passed"
        assert await state(database, order_id) == ("REVISIT", "complete")

    async def test_a_liar_among_the_files_holds_it_up(
        self, desk: Desk, phone: Phone, database: Database, world: World, order_id: UUID
    ) -> None:
        liar = PhoneFile(b"<svg onload=alert(1)>" + b" " * 2000, kind="F")
        files = [PhoneFile(jpeg(), kind="B"), liar, PhoneFile(png(), "G", "image/png")]
        written = await complete(database, world, order_id, record(files))
        for file in files:
            await phone.upload(file)
        refused = await desk.decide(written, "passed")
        assert refused.json()["rejected"] == [str(liar.id)]
        assert await state(database, order_id) == ("DONE", "incomplete")

    async def test_a_second_decision_is_illegal(
        self, desk: Desk, phone: Phone, database: Database, world: World, order_id: UUID
    ) -> None:
        written = await _done(phone, database, world)
        assert (await desk.decide(written, "passed")).status_code == 201
        again = await desk.decide(written, "passed", by="chief1")
        assert (again.status_code, problem(again)) == (409, "illegal-transition")


class TestReviewer:
    async def test_who_worked_on_it_cannot_review_it(
        self, desk: Desk, phone: Phone, database: Database, world: World
    ) -> None:
        written = await _done(phone, database, world)
        async with database.transaction() as session:
            for username in ("tech02", "tech03"):
                session.add(
                    RoleGrant(
                        user_id=world.users[username],
                        role=Role.REVIEWER.value,
                        station_id=world.stations["S01"],
                    )
                )
        for decision in ("passed", "rejected"):
            refused = await desk.decide(written, decision, "自己人", by="tech02")
            assert (refused.status_code, problem(refused)) == (403, "reviewer-worked-on-order")
        assert (await desk.decide(written, "passed", by="tech03")).status_code == 201

    async def test_another_station_s_reviewer_is_told_nothing(
        self, desk: Desk, phone: Phone, database: Database, world: World
    ) -> None:
        written = await _done(phone, database, world)
        refused = await desk.decide(written, "passed", by="reviewer2")
        assert (refused.status_code, problem(refused)) == (404, "not-found")

    async def test_the_desk_does_not_review(
        self, desk: Desk, phone: Phone, database: Database, world: World
    ) -> None:
        written = await _done(phone, database, world)
        assert (await desk.decide(written, "passed", by="dispatcher")).status_code == 403


class TestReject:
    async def test_needs_a_reason(
        self, desk: Desk, phone: Phone, database: Database, world: World, order_id: UUID
    ) -> None:
        written = await _done(phone, database, world)
        refused = await desk.decide(written, "rejected")
        assert (refused.status_code, problem(refused)) == (422, "review-reason-missing")
        assert (await state(database, order_id))[0] == "DONE"

    async def test_sends_the_crew_back_and_a_second_attempt_is_reviewed_by_itself(
        self,
        desk: Desk,
        phone: Phone,
        client: httpx.AsyncClient,
        as_: Headers,
        database: Database,
        world: World,
        order_id: UUID,
    ) -> None:
        files = h02_files()
        first = await complete(database, world, order_id, record(files))
        rejected = await desk.decide(first, "rejected", "完工照片模糊，请重拍", by="chief1")
        assert rejected.status_code == 201, rejected.text
        assert (await state(database, order_id))[0] == "WORKING"
        better = [files[0], PhoneFile(jpeg(62), kind="F"), files[2]]
        second = await complete(database, world, order_id, record(better))
        assert second.attempt == 2
        stale = await desk.decide(first, "passed")
        assert (stale.status_code, problem(stale)) == (409, "record-superseded")
        assert stale.json()["latest"] == str(second.id)
        for file in better:  # the blurred one never came, and nobody waits for it
            await phone.upload(file)
        assert (await desk.decide(second, "passed")).status_code == 201
        url = f"/work-orders/{order_id}/completions"
        told = (await client.get(url, headers=as_("reviewer"))).json()
        assert [(each["attempt"], each["review"]["decision"]) for each in told] == [
            (1, "rejected"),
            (2, "passed"),
        ]
        assert told[0]["review"]["reason"] == "完工照片模糊，请重拍"


class TestRead:
    async def test_a_crew_reads_its_own_records_and_strangers_none(
        self,
        client: httpx.AsyncClient,
        as_: Headers,
        phone: Phone,
        database: Database,
        world: World,
        order_id: UUID,
    ) -> None:
        written = await _done(phone, database, world)
        url = f"/work-orders/{order_id}/completions"
        mine = (await client.get(url, headers=as_("tech02"))).json()
        assert [each["id"] for each in mine] == [str(written.id)]
        assert mine[0]["review"] is None
        assert mine[0]["shares"][0]["share"] == "0.55"
        for stranger in ("tech03", "chief2"):
            assert (await client.get(url, headers=as_(stranger))).status_code == 404


async def _done(phone: Phone, database: Database, world: World) -> CompletionRecord:
    """Completed with every file in."""
    files = h02_files()
    written = await complete(database, world, phone.order_id, record(files))
    for file in files:
        assert (await phone.upload(file)).status_code == 204
    return written
