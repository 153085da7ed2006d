"""Transition 13: what a record must hold, and what sending it twice does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.catalogue.errors import UnknownCauseCode
from app.completions import service
from app.completions.errors import RecordIncomplete, SharesInvalid
from app.completions.models import CompletionRecord
from app.core import clock
from app.core.db import Database
from app.evidence.errors import EvidenceDiffers, EvidenceMissing
from app.evidence.models import EvidenceFile
from app.work_orders.errors import IllegalTransition, LeaderOnly
from app.work_orders.models import WorkOrderEvent
from tests.app.completions.said import ROOM, complete, record
from tests.app.evidence.at_work import (
    PhoneFile,
    h02_files,
    jpeg,
    leader_act,
    order_at_work,
    reread,
)
from tests.factories.world import NOW, World


class TestComplete:
    async def test_a_full_manifest_is_enough_though_no_byte_is_in(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        written = await complete(database, world, order_id, record(h02_files()))
        assert written.attempt == 1
        assert written.shares == [
            {"technician_id": str(world.technicians["tech01"]), "share": "0.55"},
            {"technician_id": str(world.technicians["tech02"]), "share": "0.45"},
        ]
        async with database.transaction() as session:
            order = await reread(session, order_id)
            event = (
                await session.exec(
                    select(WorkOrderEvent).where(
                        WorkOrderEvent.order_id == order_id, WorkOrderEvent.action == "completed"
                    )
                )
            ).one()
        assert (order.state, order.evidence_state) == ("DONE", "incomplete")
        assert event.payload["record_id"] == str(written.id)

    async def test_the_same_record_again_answers_the_one_that_stands(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        said = record(h02_files())
        first = await complete(database, world, order_id, said)
        again = await complete(database, world, order_id, said)
        assert again.id == first.id
        async with database.transaction() as session:
            assert len((await session.exec(select(CompletionRecord))).all()) == 1
            assert len((await session.exec(select(EvidenceFile))).all()) == 3

    async def test_another_record_after_it_is_illegal(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        files = h02_files()
        await complete(database, world, order_id, record(files))
        with pytest.raises(IllegalTransition):
            await complete(database, world, order_id, record(files, summary="别的"))

    async def test_nothing_is_written_when_a_guard_refuses(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        with pytest.raises(EvidenceMissing):
            await complete(database, world, order_id, record(h02_files()[:1]))
        async with database.transaction() as session:
            assert (await session.exec(select(CompletionRecord))).all() == []
            assert (await session.exec(select(EvidenceFile))).all() == []
            assert (await reread(session, order_id)).state == "WORKING"

    async def test_the_helper_cannot_complete(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        with pytest.raises(LeaderOnly):
            await complete(database, world, order_id, record(h02_files()), "tech02")

    @pytest.mark.parametrize("outcome", ["absent", "refused", "wrong_dispatch"])
    async def test_nobody_inside_is_proved_by_one_photo(
        self, database: Database, world: World, order_id: UUID, outcome: str
    ) -> None:
        proof = PhoneFile(jpeg(), kind="F")
        said = record([proof], outcome=outcome, readings=[], parts=[], signed_by=None)
        assert (await complete(database, world, order_id, said)).outcome == outcome


class TestGuards:
    async def test_missing_kinds_are_named(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        with pytest.raises(EvidenceMissing) as refused:
            await complete(database, world, order_id, record([PhoneFile(jpeg(), kind="F")]))
        assert refused.value.members == {"missing": ["B", "G"]}

    async def test_missing_readings_are_named(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        with pytest.raises(RecordIncomplete) as refused:
            await complete(database, world, order_id, record(h02_files(), readings=[]))
        assert refused.value.members == {
            "readings": ["R"],
            "permit": None,
            "arrival_photo": False,
        }

    async def test_an_unknown_cause_is_refused(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        with pytest.raises(UnknownCauseCode):
            await complete(database, world, order_id, record(h02_files(), cause_code="gremlins"))

    async def test_shares_of_somebody_else_are_refused(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        wrong = [
            {"technician_id": str(world.technicians["tech01"]), "share": "0.55"},
            {"technician_id": str(world.technicians["tech03"]), "share": "0.45"},
        ]
        with pytest.raises(SharesInvalid):
            await complete(database, world, order_id, record(h02_files(), shares=wrong))

    async def test_shares_that_the_crew_agreed_on_are_kept_exactly(
        self, database: Database, world: World, order_id: UUID
    ) -> None:
        agreed = [
            {"technician_id": str(world.technicians["tech01"]), "share": "0.3333"},
            {"technician_id": str(world.technicians["tech02"]), "share": "0.6667"},
        ]
        written = await complete(database, world, order_id, record(h02_files(), shares=agreed))
        assert written.shares == agreed

    async def test_a_file_id_of_another_order_is_a_conflict(
        self, app: FastAPI, database: Database, world: World, order_id: UUID
    ) -> None:
        files = h02_files()
        await complete(database, world, order_id, record(files))
        async with database.transaction() as session:
            other = await order_at_work(
                session, world, crew="A2", leader="tech03", premises="锦绣家园3-1-101"
            )
        with pytest.raises(EvidenceDiffers):
            await complete(database, world, other.id, record(files), "tech03")


class TestPermit:
    async def _complete_with(
        self,
        database: Database,
        world: World,
        permit: dict[str, Any] | None,
        ahead: timedelta | None = None,
    ) -> CompletionRecord:
        """P26 demands a voltage and a closed permit; the gate needs a guardian at level 4."""
        async with database.transaction() as session:
            order = await order_at_work(session, world)
            order.fault_code_id = await _fault_id(session, "P26")
        files = [PhoneFile(jpeg(), kind="F"), PhoneFile(jpeg(61), kind="W")]
        voltage = {"kind": "V", "value": 229.5, "unit": "V", "point": "L1"}
        said = record(files, readings=[voltage], permit=permit)
        async with database.transaction() as session:
            act = await leader_act(session, world)
            if ahead is not None:
                act = replace(act, client_at=act.at + ahead)
            return await service.complete(session, await reread(session, order.id), act, said)

    @pytest.mark.parametrize(("closed_after_s", "accepted"), [(0, True), (1, False)])
    async def test_the_phones_own_clock_judges_both_its_times(
        self, app: FastAPI, database: Database, world: World, closed_after_s: int, accepted: bool
    ) -> None:
        """A phone six minutes ahead closes the permit, and completes in the same moment."""
        ahead = timedelta(minutes=6)
        closed_at = clock.now() + ahead + timedelta(seconds=closed_after_s)
        permit = {"number": "W-1", "closed_at": closed_at.isoformat()}
        if accepted:
            written = await self._complete_with(database, world, permit, ahead)
            assert written.done_at == clock.now()
        else:
            with pytest.raises(RecordIncomplete):
                await self._complete_with(database, world, permit, ahead)

    async def test_work_under_a_permit_is_not_done_before_the_permit_is_closed(
        self, app: FastAPI, database: Database, world: World
    ) -> None:
        with pytest.raises(RecordIncomplete) as refused:
            await self._complete_with(database, world, None)
        assert refused.value.members["permit"] == "missing"

    async def test_a_permit_closed_in_the_future_is_not_closed(
        self, app: FastAPI, database: Database, world: World
    ) -> None:
        later = (clock.now() + timedelta(minutes=5)).isoformat()
        with pytest.raises(RecordIncomplete) as refused:
            await self._complete_with(database, world, {"number": "W-1", "closed_at": later})
        assert refused.value.members["permit"] == "closed after completion"

    async def test_a_closed_permit_is_kept_with_the_record(
        self, app: FastAPI, database: Database, world: World
    ) -> None:
        permit = {"number": "W-1", "closed_at": NOW.isoformat()}
        written = await self._complete_with(database, world, permit)
        assert written.permit is not None
        assert written.permit["number"] == "W-1"


async def _fault_id(session: AsyncSession, code: str) -> UUID:
    return (await catalogue.fault(session, code)).id


class TestWire:
    @pytest.mark.parametrize(
        "changes",
        [
            {"outcome": "vanished"},
            {"summary": ""},
            {"readings": [ROOM | {"value": 400}]},
            {"parts": [{"name": "阀芯", "quantity": "0"}]},
            {"surprise": 1},
            {"shares": [{"technician_id": str(UUID(int=1)), "share": "0.33333"}]},
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            record(h02_files(), **changes)

    def test_a_file_is_named_once(self) -> None:
        file = PhoneFile(jpeg())
        with pytest.raises(ValidationError):
            record([file, file])
