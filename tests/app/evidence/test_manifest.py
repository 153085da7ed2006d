"""Declaring files: once or many times, before or after their bytes."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from app.core import feed
from app.core.db import Database
from app.evidence import service
from app.evidence.declaration import DeclaredIn
from app.evidence.errors import EvidenceDiffers, EvidenceTooLarge
from app.evidence.models import EvidenceFile
from tests.app.evidence.at_work import PhoneFile, h02_files, jpeg, reread
from tests.app.evidence.conftest import Phone
from tests.factories.world import World


def lines(*files: PhoneFile) -> list[service.Declared]:
    return [
        service.Declared(**DeclaredIn.model_validate(file.declared()).model_dump())
        for file in files
    ]


async def declare(
    database: Database, world: World, phone: Phone, *declared: service.Declared
) -> str:
    """Declare for the leader; returns the order's evidence state."""
    async with database.transaction() as session:
        order = await reread(session, phone.order_id)
        await service.declare(session, order, world.users["tech01"], declared)
        return order.evidence_state


async def told(database: Database, phone: Phone) -> list[feed.ChangeFeed]:
    """Every change of the order that screens could hear of."""
    async with database.transaction() as session:
        statement = select(feed.ChangeFeed).where(feed.ChangeFeed.entity_id == phone.order_id)
        return list((await session.exec(statement)).all())


class TestDeclare:
    async def test_is_complete_when_the_last_declared_file_is_verified(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        files = h02_files()
        await phone.upload(files[0])
        assert await declare(database, world, phone, *lines(*files)) == "incomplete"
        for file in files[1:]:
            async with database.transaction() as session:
                assert (await reread(session, phone.order_id)).evidence_state == "incomplete"
            await phone.upload(file)
        async with database.transaction() as session:
            assert (await reread(session, phone.order_id)).evidence_state == "complete"

    async def test_screens_hear_that_the_evidence_is_complete(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        file = PhoneFile(jpeg())
        await declare(database, world, phone, *lines(file))
        before = await told(database, phone)
        await phone.upload(file)
        heard = (await told(database, phone))[len(before) :]
        crew = feed.crew_token(world.crews["A1"])
        assert [crew in change.audience_after for change in heard] == [True]

    async def test_saying_it_again_changes_nothing(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        file = PhoneFile(jpeg())
        await declare(database, world, phone, *lines(file))
        await phone.upload(file)
        assert await declare(database, world, phone, *lines(file)) == "complete"

    @pytest.mark.parametrize(
        "changed", [{"sha256": "0" * 64}, {"kind": "B"}, {"media_type": "image/png"}]
    )
    async def test_an_id_names_one_file_for_ever(
        self, phone: Phone, database: Database, world: World, changed: dict[str, str]
    ) -> None:
        file = PhoneFile(jpeg())
        await declare(database, world, phone, *lines(file))
        other = DeclaredIn.model_validate(file.declared() | changed)
        with pytest.raises(EvidenceDiffers) as refused:
            await declare(database, world, phone, service.Declared(**other.model_dump()))
        assert refused.value.members == {"files": [str(file.id)]}

    async def test_a_new_manifest_takes_the_place_of_the_old_one(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        never_sent, sent = PhoneFile(jpeg()), PhoneFile(jpeg(61))
        await declare(database, world, phone, *lines(never_sent))
        await phone.upload(sent)
        assert await declare(database, world, phone, *lines(sent)) == "complete"

    async def test_too_large_is_refused_when_it_is_declared(
        self, phone: Phone, database: Database, world: World
    ) -> None:
        file = DeclaredIn.model_validate(PhoneFile(jpeg()).declared() | {"size_bytes": 10**9})
        with pytest.raises(EvidenceTooLarge):
            await declare(database, world, phone, service.Declared(**file.model_dump()))

    async def test_who_declared_a_file_sends_it_and_no_colleague_can_take_it(
        self,
        phone: Phone,
        phone_of: Callable[[str], Phone],
        database: Database,
        world: World,
    ) -> None:
        file = PhoneFile(jpeg())
        await declare(database, world, phone, *lines(file))
        assert (await phone_of("tech02").create(file)).status_code == 404
        assert (await phone.upload(file)).status_code == 204
        async with database.transaction() as session:
            row = await session.get(EvidenceFile, file.id)
        assert row is not None
        assert (row.owner_id, row.state) == (world.users["tech01"], "verified")
