"""Recordings go when their days are over; hash and record stay, and everybody can tell."""

from datetime import timedelta

import httpx
from sqlalchemy import text
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.evidence import retention
from app.evidence.storage import storage
from app.verification import verify
from app.work_orders import approvals
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrderEvent
from app.work_orders.states import Action
from app.work_orders.transitions import transition
from tests.app.evidence.at_work import PhoneFile, is_kept, jpeg, leader_act, person, reread
from tests.app.evidence.conftest import Phone
from tests.app.evidence.recordings import video
from tests.app.evidence.test_tus import problem, stored
from tests.conftest import Headers
from tests.factories.world import World


async def end(database: Database, world: World, phone: Phone) -> None:
    """The order comes back from the crew and is cancelled."""
    async with database.transaction() as session:
        order = await reread(session, phone.order_id)
        act = await leader_act(session, world)
        await transition(session, order, Action.RETURNED, act, reason="不属本站")
        asked = Act.now(await person(session, world, "dispatcher"), Role.DISPATCHER)
        request = await approvals.request_cancel(session, order, asked, reason="误报")
        chief = await person(session, world, "chief1")
        await approvals.decide(session, chief, request.id, True, None)


class TestRecordings:
    async def test_after_ninety_days_the_bytes_go_and_the_chain_says_so(
        self,
        phone: Phone,
        client: httpx.AsyncClient,
        as_: Headers,
        database: Database,
        world: World,
    ) -> None:
        film = PhoneFile(video(), kind="C", media_type="video/mp4")
        picture = PhoneFile(jpeg())
        for file in (film, picture):
            assert (await phone.upload(file)).status_code == 204
        clock.advance(timedelta(days=91))
        await retention.remove_recordings(database)
        assert is_kept(film.sha256)  # the order is not over
        await end(database, world, phone)
        for _ in range(2):
            await retention.remove_recordings(database)
        assert (is_kept(film.sha256), is_kept(picture.sha256)) == (False, True)
        row = await stored(database, film)
        assert (row.state, row.sha256, row.removed_at) == ("verified", film.sha256, clock.now())
        gone = await client.get(f"/evidence/{film.id}", headers=as_("reviewer"))
        assert (gone.status_code, problem(gone)) == (410, "evidence-removed")
        url = f"/work-orders/{phone.order_id}/evidence"
        told = (await client.get(url, headers=as_("reviewer"))).json()["files"]
        assert [each["id"] for each in told if each["removed_at"]] == [str(film.id)]
        async with database.transaction() as session:
            events = (
                await session.exec(
                    select(WorkOrderEvent).where(
                        col(WorkOrderEvent.action) == Action.RECORDINGS_REMOVED.value
                    )
                )
            ).all()
        (event,) = events
        assert (event.actor_kind, event.payload["days"]) == ("timer", 90)
        assert event.payload["files"][0]["sha256"] == film.sha256
        assert await verify(database, storage()) == []
        await self._without_a_word(database, picture)

    async def _without_a_word(self, database: Database, picture: PhoneFile) -> None:
        """What was removed without an event is a difference."""
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE evidence_files SET removed_at = now() WHERE id = :id"),
                {"id": picture.id},
            )
        found = await verify(database, storage())
        assert [each.check for each in found] == ["evidence"]

    async def test_bytes_that_another_order_needs_stay(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        film, twin = (PhoneFile(video(), kind="C", media_type="video/mp4") for _ in range(2))
        assert (await phone.upload(film)).status_code == 204
        clock.advance(timedelta(days=89))
        assert (await phone.upload(twin)).status_code == 204
        clock.advance(timedelta(days=2))
        await end(database, world, phone)
        await retention.remove_recordings(database)
        assert (await stored(database, film)).removed_at is not None
        assert (await stored(database, twin)).removed_at is None
        assert is_kept(twin.sha256)
        clock.advance(timedelta(days=90))
        await retention.remove_recordings(database)
        assert not is_kept(twin.sha256)
