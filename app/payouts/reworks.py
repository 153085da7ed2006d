"""Reworks and their pay: proposed within the card's window, reversed when it was workmanship."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.i18n import Text
from app.core.scope import Principal
from app.payouts import card_rows, facts, ledger, repository
from app.payouts.drafts import Draft
from app.payouts.explain import CAUSES
from app.payouts.models import LedgerEntry
from app.payouts.policy import month_of
from app.payouts.posting import Why, reversals
from app.revisits import cases
from app.revisits.models import ReworkCase
from app.work_orders import merging
from app.work_orders.models import WorkOrder


async def propose(session: AsyncSession, order: WorkOrder) -> None:
    """Propose the order as a repetition of an earlier one, if the rules say so.

    One that a call-back opened is (17). Another is when it names the same fault group at the same
    premises as an order that was passed and finished within the window that the rate card of its
    day allows, the last such one (18). What a merged report had is the repair of the order that it
    followed: that one was paid, and is the original.
    """
    if order.rework_of is not None:
        original_id = await merging.repaired_with(session, order.rework_of)
        await cases.propose(session, original_id, order, found_by="callback", window_days=0)
        return
    if order.premises_id is None:
        return
    last = await repository.last_repair(session, order)
    if last is None:
        return
    day = last.done_at.astimezone(settings.current().zone).date()
    card = await card_rows.card_on(session, day)
    days = facts.rules_of(card).rework_days.of(order.domain) if card is not None else 0
    if order.reported_at <= last.done_at + timedelta(days=days) and days:
        await cases.propose(session, last.order_id, order, found_by="report", window_days=days)


async def attribute(
    session: AsyncSession, principal: Principal, case_id: UUID, cause: str, reason: str
) -> tuple[ReworkCase, list[LedgerEntry]]:
    """Decide on a case and post what follows, all in the open month; returns the new lines.

    Workmanship takes back what the original paid, bonuses and deductions included, and what the
    repetition paid the same people already; whoever repairs later among them gets nothing of it
    (DOMAIN 5.6). Any cause ends the waiting of the original, and of the merged report that was
    called back: what is left of them is confirmed. Raises what `cases.attribute` raises.
    """
    case = await cases.attribute(session, principal, case_id, cause, reason)
    posted: list[LedgerEntry] = []
    standing = await ledger.locked_lines(session, {case.original_id, case.order_id})
    if cause == "workmanship" and any(each.order_id == case.original_id for each in standing):
        posted = await ledger.append(session, await _taken_back(session, case, standing))
    why = f"rework: {cause}"
    assert case.decided_at is not None
    await ledger.confirm_lines(session, posted, why=why, at=case.decided_at, by=principal.id)
    order = await session.get_one(WorkOrder, case.order_id)
    for each in {case.original_id, order.rework_of or case.original_id}:
        await ledger.confirm(session, each, why=why, at=case.decided_at, by=principal.id)
    return case, posted


async def _taken_back(
    session: AsyncSession, case: ReworkCase, standing: Sequence[LedgerEntry]
) -> list[Draft]:
    original = [each for each in standing if each.order_id == case.original_id]
    repeated = [each for each in standing if each.order_id == case.order_id]
    people = sorted({each.technician_id for each in original})
    why = await _why(session, case, standing)
    return [
        draft
        for who in people
        for lines in (original, repeated)
        for draft in reversals(lines, who, why)
    ]


async def _why(session: AsyncSession, case: ReworkCase, standing: Sequence[LedgerEntry]) -> Why:
    serial = (await session.get_one(WorkOrder, case.order_id)).serial
    name = CAUSES[str(case.cause)]
    today = clock.now().astimezone(settings.current().zone).date()
    rules = facts.rules_of(await card_rows.card(session, standing[0].rate_card_id))
    return Why(
        cause=f"rework:{case.id}",
        period=await ledger.open_month(session, month_of(today)),
        text=Text(
            f"返工单 {serial}，责任：{name.zh}；{case.reason}",
            f"rework {serial}, attributed to {name.en}; {case.reason}",
        ),
        inputs={"rework_case": str(case.id), "attribution": str(case.cause)},
        unit=rules.unit,
    )
