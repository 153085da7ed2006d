"""A line that came too late for its month is looked at with the whole day to which it belongs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.payouts import questions
from app.payouts.card_sections import Limits
from app.payouts.models import PayMonthAct, PayQuestion
from app.work_orders.states import State
from tests.factories.orders import order_in
from tests.factories.world import World

LIMITS = Limits().model_copy(update={"points_a_day": Decimal(10)})


async def asked(session: AsyncSession, month: str) -> list[tuple[str, str]]:
    """What a month asks about, the points of a day by that day, else the orders of a trip."""
    await questions.find(session, month, LIMITS)
    kinds = ("points_a_day", "impossible_travel")
    statement = (
        select(PayQuestion)
        .where(PayQuestion.month == month, col(PayQuestion.kind).in_(kinds))
        .order_by(col(PayQuestion.kind).desc())
    )
    found = (await session.exec(statement)).all()
    return [(each.subject, each.facts.get("points", each.kind)) for each in found]


async def test_the_month_that_pays_a_late_line_asks_about_its_whole_day_once(
    session: AsyncSession, world: World
) -> None:
    first = await order_in(session, world, State.REVISIT, premises="锦绣家园3-1-101")
    second = await order_in(session, world, State.REVISIT)
    trip = (f"{first.serial} - {second.serial}", "impossible_travel")
    assert await asked(session, "2026-01") == [("2026-01-15", "12.00"), trip]
    assert await asked(session, "2026-02") == []
    said: dict[str, Any] = {"by": world.users["manager"], "by_name": "经理", "totals": {}}
    session.add(PayMonthAct(month="2026-01", act="published", at=clock.now(), **said))
    clock.advance(timedelta(hours=5))
    await order_in(session, world, State.REVISIT)
    # The trip is as it was when January asked; what the day earned is not.
    assert await asked(session, "2026-02") == [("2026-01-15", "18.00")]
