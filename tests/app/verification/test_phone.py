"""What came over a phone: commands in the inbox and events of a device belong together."""

import httpx
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from app.evidence.storage import storage
from app.verification import fold, verify
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World


@pytest.fixture
async def order_id(client: httpx.AsyncClient, world: World, as_: Headers) -> str:
    """An order that a phone accepted, and then tried to start from the road."""
    desk = Desk(client, world, as_)
    order_id = await desk.sent("A2")
    phone = Phone(client, as_("tech03"))
    answers = [
        await phone.do("accept", order_id),
        await phone.do("depart", order_id),
        await phone.do("start", order_id),
    ]
    assert [answer["outcome"] for answer in answers] == ["applied", "applied", "conflict"]
    return order_id


async def test_commands_and_events_belong_together(
    order_id: str, database: Database, config: Settings
) -> None:
    assert [str(each) for each in await verify(database, storage())] == []


async def test_a_lost_command_is_found(order_id: str, database: Database, config: Settings) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM phone_commands WHERE kind = 'depart'"))
    found = await verify(database, storage())
    told = {each.expected: each for each in found}
    assert told.keys() == {"its command", "2 of them"}
    assert "departed" in told["its command"].subject
    assert told["2 of them"].stored == "numbers 1 to 3"


async def test_a_conflict_without_its_row_and_a_note_without_its_event_are_found(
    order_id: str, database: Database, config: Settings
) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE phone_commands SET outcome = 'refused'"))
    expected = {each.expected for each in await verify(database, storage())}
    assert expected == {"its command", "refused"}


async def test_everything_is_read_as_of_one_instant(order_id: str, database: Database) -> None:
    async with database.transaction() as session:
        await fold(session)
        level = (await session.execute(text("SHOW transaction_isolation"))).scalar_one()
    assert level == "repeatable read"
