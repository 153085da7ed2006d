"""From a passed review to pay, and from the call-back to its confirmation."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.errors import SharesNotAgreed
from app.completions.models import CompletionRecord
from app.core import clock
from app.payouts import hooks
from app.payouts.errors import RateCardMissing
from app.payouts.models import LedgerEntry, LedgerStanding, RateCard
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.states import State
from tests.app.payouts.cards import card, without_cards
from tests.factories.orders import (
    advance,
    agree,
    call_back,
    complete,
    order_in,
    review,
    rework_of,
)
from tests.factories.records import receive_files
from tests.factories.world import NOW, World


async def entries_of(session: AsyncSession, order: WorkOrder) -> list[LedgerEntry]:
    statement = (
        select(LedgerEntry).where(LedgerEntry.order_id == order.id).order_by(col(LedgerEntry.id))
    )
    return list((await session.exec(statement)).all())


async def standings_of(session: AsyncSession, order: WorkOrder) -> list[str]:
    statement = (
        select(LedgerStanding.standing)
        .join(LedgerEntry, col(LedgerEntry.id) == LedgerStanding.entry_id)
        .where(LedgerEntry.order_id == order.id)
    )
    return list((await session.exec(statement)).all())


async def event_of(session: AsyncSession, order: WorkOrder, action: str) -> WorkOrderEvent:
    statement = select(WorkOrderEvent).where(
        WorkOrderEvent.order_id == order.id, WorkOrderEvent.action == action
    )
    return (await session.exec(statement)).one()


class TestEarning:
    async def test_nothing_is_earned_before_review(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.DONE)
        assert await entries_of(session, order) == []

    async def test_a_review_passes_and_pays_by_shares_that_both_have_named(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.WORKING, fault="H10", crew="A1")
        split = {"tech01": "0.6", "tech02": "0.4"}
        proposed = await complete(session, world, order, shares=split, agreed=False)
        await receive_files(session, order)
        with pytest.raises(SharesNotAgreed) as refused:
            async with session.begin_nested():
                await review(session, world, order)
        assert refused.value.members == {"technicians": [str(world.technicians["tech02"])]}
        await agree(session, order, world.technicians["tech02"], proposed)
        await review(session, world, order)
        paid = {each.technician_id: each for each in await entries_of(session, order)}
        leader, helper = (paid[world.technicians[who]] for who in ("tech01", "tech02"))
        assert (leader.points, leader.amount_minor) == (Decimal("12.00"), 6000)
        assert (helper.points, helper.amount_minor) == (Decimal("8.00"), 4000)
        record = (await session.exec(select(CompletionRecord))).one()
        assert helper.inputs["completion_id"] == str(record.id)
        assert helper.inputs["fault_code"] == "H10"
        assert helper.inputs["rate_card"] == "P proposal 2026-2"
        assert (helper.kind, helper.rule, helper.period) == ("EARN", "piece", "2026-01")
        assert await standings_of(session, order) == []

    async def test_the_outcome_of_the_passed_attempt_counts(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.DONE, outcome="absent")
        await review(session, world, order, decision="rejected", reason="照片不清")
        await advance(session, world, order, State.REVISIT, outcome="no_fault_found")
        (entry,) = await entries_of(session, order)
        assert (entry.points, entry.amount_minor) == (Decimal("3.00"), 1500)
        assert (entry.inputs["attempt"], entry.inputs["outcome"]) == (2, "no_fault_found")

    async def test_hearing_the_same_event_again_adds_nothing(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.CLOSED, fault="H10", crew="A1")
        before = [each.hash for each in await entries_of(session, order)]
        await hooks.earn_on_passed(session, order, await event_of(session, order, "passed"))
        await hooks.confirm_on_closed(session, order, await event_of(session, order, "closed"))
        assert [each.hash for each in await entries_of(session, order)] == before
        assert await standings_of(session, order) == ["confirmed", "confirmed"]

    async def test_without_a_card_for_the_day_the_review_does_not_pass(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.DONE)
        await receive_files(session, order)
        (shipped,) = (await session.exec(select(RateCard))).all()
        shipped.effective_from = date(2026, 1, 16)
        await session.flush()
        with pytest.raises(RateCardMissing) as refusal:
            async with session.begin_nested():
                await review(session, world, order)
        assert refusal.value.members == {"on": "2026-01-15"}
        await session.refresh(order)
        assert order.state == "DONE"


MIDNIGHT = datetime(2026, 1, 31, 16, 0, tzinfo=UTC)
"""The first instant of 1 February in Shanghai."""


class TestCardOfTheDay:
    @pytest.mark.parametrize(
        ("done_at", "name", "amount_minor", "period"),
        [
            (MIDNIGHT - timedelta(microseconds=1), "一月", 3000, "2026-01"),
            (MIDNIGHT, "二月", 3600, "2026-02"),
        ],
    )
    async def test_changes_at_local_midnight_of_completion_however_late_the_review(
        self,
        session: AsyncSession,
        world: World,
        done_at: datetime,
        name: str,
        amount_minor: int,
        period: str,
    ) -> None:
        await without_cards(session)
        session.add(card("一月", date(2026, 1, 1), date(2026, 2, 1), 500))
        session.add(card("二月", date(2026, 2, 1), None, 600))
        order = await order_in(session, world, State.WORKING)
        clock.advance(done_at - NOW)
        await advance(session, world, order, State.DONE)
        clock.advance(timedelta(days=3))
        await advance(session, world, order, State.REVISIT)
        (entry,) = await entries_of(session, order)
        used = await session.get(RateCard, entry.rate_card_id)
        assert used is not None
        assert (used.name, entry.amount_minor, entry.period) == (name, amount_minor, period)


class TestConfirmation:
    async def test_a_solved_call_back_confirms(self, session: AsyncSession, world: World) -> None:
        order = await order_in(session, world, State.REVISIT)
        clock.advance(timedelta(hours=5))
        await call_back(session, world, order, solved=True, rating=5)
        standings = (await session.exec(select(LedgerStanding))).all()
        assert len(standings) == 2  # the earning, and what the rating added to it
        for standing in standings:
            assert standing.standing == "confirmed"
            assert standing.why == "call-back: solved"
            assert standing.by == world.users["revisitor"]
            assert standing.at == NOW + timedelta(hours=5)

    async def test_the_best_rating_adds_its_part_to_what_everybody_earned(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.REVISIT, fault="H10", crew="A1")
        await call_back(session, world, order, solved=True, rating=5)
        earned, added = {}, {}
        for entry in await entries_of(session, order):
            (earned if entry.kind == "EARN" else added)[entry.technician_id] = entry
        # 20 points: 11.00 and 9.00; 5 % of each is 0.55 and 0.45, at 5 yuan a point.
        for who, points, minor in (("tech01", "0.55", 275), ("tech02", "0.45", 225)):
            entry = added[world.technicians[who]]
            assert (entry.kind, entry.rule, str(entry.points)) == ("BONUS", "rating", points)
            assert entry.amount_minor == minor
            assert entry.refers_to == earned[world.technicians[who]].id
        for rating in (4, None):
            other = await order_in(session, world, State.REVISIT)
            await call_back(session, world, other, solved=True, rating=rating)
            assert [each.kind for each in await entries_of(session, other)] == ["EARN"]

    async def test_an_order_closed_as_unreached_is_confirmed_too(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.REVISIT)
        for _ in range(3):
            assert await standings_of(session, order) == []
            await call_back(session, world, order, solved=None)
        assert await standings_of(session, order) == ["confirmed"]

    async def test_an_unsolved_order_stays_provisional_and_its_rework_pays_as_usual(
        self, session: AsyncSession, world: World
    ) -> None:
        order = await order_in(session, world, State.REVISIT)
        revisit = await call_back(session, world, order, solved=False)
        rework = await rework_of(session, revisit)
        await advance(session, world, rework, State.CLOSED, crew="A3")
        assert await standings_of(session, order) == []
        assert await standings_of(session, rework) == ["confirmed"]
        (first,) = await entries_of(session, order)
        (second,) = await entries_of(session, rework)
        assert second.points == first.points
        assert second.inputs["attribution"] == "pending"
        assert UUID(second.inputs["rework_of"]) == order.id
        assert "attribution" not in first.inputs
