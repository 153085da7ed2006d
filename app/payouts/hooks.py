"""What transitions mean for pay; `app/wiring.py` registers it.

A new report may repeat a repair (18); passing review earns, provisionally (15); the call-back's
end confirms and brings what the customer's rating adds (16). An order that the call-back turned
into a rework stays provisional until its cause is attributed (DOMAIN 5.6).
"""

from datetime import datetime
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.policy import LEADER_SHARE
from app.core import settings
from app.core.i18n import Text
from app.payouts import card_rows, facts, ledger, repository, reworks
from app.payouts.drafts import Draft, remaining
from app.payouts.engine import Line, earn
from app.payouts.facts import Passed
from app.payouts.policy import month_of
from app.payouts.posting import FOLLOWED, PASSED, PIECE, RATING, Why, bonus
from app.work_orders.models import WorkOrder, WorkOrderEvent


async def earn_on_passed(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """Append a provisional EARN for everyone who shares the passed record.

    The card is the one in force on the local day of completion, and that day's month is the
    period, or the first open one after it. Raises RateCardMissing, HolidaysUnknown and
    JudgementUnusable, which leave the review undone.
    """
    passed = await facts.passed(session, order, event)
    lines = earn(passed.work, passed.rules)
    period = await ledger.open_month(session, month_of(passed.day))
    await ledger.append(session, [_draft(order, passed, period, line) for line in lines])


async def earn_nothing_on_followed(
    session: AsyncSession, order: WorkOrder, event: WorkOrderEvent
) -> None:
    """Append an EARN of 0 for everyone who shares the record of the repair that a merged report
    was part of: that alone is paid, and each can see it (DOMAIN 5.3).

    Raises RateCardMissing and HolidaysUnknown, which leave the review undone.
    """
    passed = await facts.followed(session, order, event)
    lines = earn(passed.work, passed.rules)
    period = await ledger.open_month(session, month_of(passed.day))
    drafts = [_draft(order, passed, period, line, cause=FOLLOWED) for line in lines]
    await ledger.append(session, drafts)


def _draft(order: WorkOrder, passed: Passed, period: str, line: Line, cause: str = PASSED) -> Draft:
    return Draft(
        technician_id=line.technician_id,
        order_id=order.id,
        kind="EARN",
        rule=PIECE,
        cause=cause,
        period=period,
        points=line.points,
        amount_minor=line.amount_minor,
        rate_card_id=passed.card.id,
        inputs=line.inputs | passed.said,
        explanation_zh=line.explanation.zh,
        explanation_en=line.explanation.en,
    )


async def confirm_on_closed(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    """The call-back is over, solved or unreached: the order's earnings are confirmed.

    A rating for which the card pays adds its part to what the order earned.
    """
    await _add_for_rating(session, order, event)
    why = f"call-back: {event.payload.get('result', 'recorded')}"
    await ledger.confirm(session, order.id, why=why, at=event.at, by=event.actor_id)


async def _add_for_rating(session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
    rating = event.payload.get("rating")
    standing = await repository.entries_of(session, {order.id})
    drafts = []
    for entry in standing:
        if entry.kind != "EARN" or rating is None or not remaining(entry, standing).points:
            continue
        rules = facts.rules_of(await card_rows.card(session, entry.rate_card_id))
        part = rules.bonuses.of_rating(rating)
        if not part:
            continue
        day = event.at.astimezone(settings.current().zone).date()
        why = Why(
            cause=f"revisit:{event.payload['revisit_id']}",
            period=await ledger.open_month(session, month_of(day)),
            text=Text(f"评分 {rating}", f"rated {rating}"),
            inputs={"rating": rating, "rate_card": rules.name},
            unit=rules.unit,
        )
        drafts.append(bonus(entry, RATING, part, rules.point_minor, why))
    await ledger.append(session, drafts)


async def propose_rework(session: AsyncSession, order: WorkOrder, _event: WorkOrderEvent) -> None:
    """A new report at the same premises within the window perhaps repeats a repair (17, 18)."""
    await reworks.propose(session, order)


async def leader_share(session: AsyncSession, at: datetime) -> Decimal:
    """The leader's part by the card of the local day, for crews that name no shares."""
    day = at.astimezone(settings.current().zone).date()
    card = await card_rows.card_on(session, day)
    return facts.rules_of(card).default_shares.leader if card is not None else LEADER_SHARE
