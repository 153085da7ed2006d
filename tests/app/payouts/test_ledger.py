"""The ledger: chained, append-only, and deaf to repetition."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import product
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.chain import GENESIS
from app.core.db import Database
from app.payouts import ledger
from app.payouts.chaining import hash_of
from app.payouts.drafts import Draft
from app.payouts.errors import EntryDiffers
from app.payouts.models import LedgerEntry, LedgerHead, LedgerStanding
from app.work_orders.states import State
from tests.app.payouts.cards import card
from tests.factories.orders import order_in
from tests.factories.world import World


async def draft_of(session: AsyncSession, world: World, username: str = "tech01") -> Draft:
    """A line for a new order of the test's own."""
    order = await order_in(session, world, State.DRAFT)
    own = card("旧价目", date(2020, 1, 1), date(2020, 2, 1))
    session.add(own)
    await session.flush()
    return Draft(
        technician_id=world.technicians[username],
        order_id=order.id,
        kind="EARN",
        rule="piece",
        cause="passed",
        period="2026-01",
        points=Decimal("3.30"),
        amount_minor=1650,
        rate_card_id=own.id,
        inputs={"base_points": "6"},
        explanation_zh="基础 6 分",
        explanation_en="base 6 points",
    )


async def chain_of(session: AsyncSession, technician_id: UUID) -> list[LedgerEntry]:
    """The technician's entries in order, after checking every link up to the head."""
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.technician_id == technician_id)
        .order_by(col(LedgerEntry.seq))
        .execution_options(populate_existing=True)
    )
    entries = list((await session.exec(statement)).all())
    before = GENESIS
    for place, entry in enumerate(entries, start=1):
        assert (entry.seq, entry.prev_hash) == (place, before)
        assert entry.hash == hash_of(entry)
        before = entry.hash
    head = await session.get(LedgerHead, technician_id, populate_existing=True)
    assert head is not None
    assert (head.seq, head.hash) == (len(entries), before)
    return entries


class TestAppend:
    async def test_chains_entries_per_technician(self, session: AsyncSession, world: World) -> None:
        first = await draft_of(session, world)
        other = replace(first, technician_id=world.technicians["tech02"])
        second = replace(first, cause="second")
        await ledger.append(session, [first, other])
        await ledger.append(session, [second])
        await session.flush()
        assert [each.cause for each in await chain_of(session, first.technician_id)] == [
            "passed",
            "second",
        ]
        assert len(await chain_of(session, other.technician_id)) == 1

    async def test_of_the_same_again_adds_nothing(
        self, session: AsyncSession, world: World
    ) -> None:
        draft = await draft_of(session, world)
        assert len(await ledger.append(session, [draft])) == 1
        assert await ledger.append(session, [draft]) == []
        assert len(await chain_of(session, draft.technician_id)) == 1

    async def test_of_the_same_key_with_other_money_is_a_fault(
        self, session: AsyncSession, world: World
    ) -> None:
        draft = await draft_of(session, world)
        await ledger.append(session, [draft])
        with pytest.raises(EntryDiffers, match="amount_minor"):
            await ledger.append(session, [replace(draft, amount_minor=9999)])

    async def test_an_edited_entry_no_longer_has_its_hash(
        self, session: AsyncSession, world: World
    ) -> None:
        draft = await draft_of(session, world)
        (entry,) = await ledger.append(session, [draft])
        assert hash_of(entry) == entry.hash
        session.expunge(entry)
        for column, value in (("points", Decimal("3.31")), ("period", "2026-02"), ("seq", 2)):
            before = getattr(entry, column)
            setattr(entry, column, value)
            assert hash_of(entry) != entry.hash, column
            setattr(entry, column, before)


async def wait_until_blocked(database_url: str) -> None:
    """Returns once some session of this database waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(database_url, autocommit=True) as owner:
        for _ in range(1000):
            if owner.execute(waiting).fetchone() != (0,):
                return
            await asyncio.sleep(0.001)
    raise AssertionError("no transaction ever waited")


class TestConcurrency:
    async def test_two_transactions_that_pay_the_same_pair_leave_whole_chains(
        self, database: Database, database_url: str, app: object, world: World
    ) -> None:
        async with database.transaction() as session:
            here = await draft_of(session, world, "tech01")
        there = replace(here, technician_id=world.technicians["tech02"])

        async def pay(drafts: Iterable[Draft]) -> None:
            async with database.transaction() as session:
                await ledger.append(session, list(drafts))

        async with database.transaction() as first:
            await ledger.append(first, [here, there])
            # Named in the other order: without ordered locks this could wait in a circle.
            later = [replace(there, cause="later"), replace(here, cause="later")]
            second = asyncio.create_task(pay(later))
            await wait_until_blocked(database_url)
        await second
        async with database.transaction() as session:
            for person in ("tech01", "tech02"):
                entries = await chain_of(session, world.technicians[person])
                assert [each.cause for each in entries] == ["passed", "later"]

    async def test_the_same_line_from_two_transactions_is_one_entry(
        self, database: Database, database_url: str, app: object, world: World
    ) -> None:
        async with database.transaction() as session:
            draft = await draft_of(session, world)

        async def pay() -> int:
            async with database.transaction() as session:
                return len(await ledger.append(session, [draft]))

        async with database.transaction() as first:
            await ledger.append(first, [draft])
            second = asyncio.create_task(pay())
            await wait_until_blocked(database_url)
        assert await second == 0
        async with database.transaction() as session:
            assert len(await chain_of(session, draft.technician_id)) == 1


TABLES = ("ledger_entries", "ledger_standings")
CHANGES = (
    "UPDATE {table} SET id = DEFAULT",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
)


class TestAppendOnly:
    @pytest.fixture
    async def entry(self, database: Database, app: object, world: World) -> LedgerEntry:
        async with database.transaction() as session:
            (entry,) = await ledger.append(session, [await draft_of(session, world)])
            assert entry.id is not None
            session.add(
                LedgerStanding(
                    entry_id=entry.id, standing="confirmed", why="test", at=entry.created_at
                )
            )
        return entry

    async def test_the_owner_is_refused_by_trigger(
        self, entry: LedgerEntry, database_url: str
    ) -> None:
        with psycopg.connect(database_url, autocommit=True) as owner:
            for table, change in product(TABLES, CHANGES):
                assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
                with pytest.raises(psycopg.Error, match="is append-only"):
                    owner.execute(change.format(table=table))

    async def test_the_applications_role_lacks_the_right(
        self, entry: LedgerEntry, session: AsyncSession
    ) -> None:
        for table, change in product(TABLES, CHANGES):
            with pytest.raises(ProgrammingError, match="permission denied for table ledger_"):
                async with session.begin_nested():
                    await session.execute(text(change.format(table=table)))
