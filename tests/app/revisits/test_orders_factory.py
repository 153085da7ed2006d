"""The factory that other tests stand on: every state is reached by rule, in any fitting crew."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.work_orders.models import Approval
from app.work_orders.states import State
from tests.factories.orders import order_in
from tests.factories.world import World


async def test_every_state_but_merged_can_be_had(session: AsyncSession, world: World) -> None:
    for state in set(State) - {State.MERGED}:
        order = await order_in(session, world, state)
        assert order.state == state.value
    approvals = (await session.exec(select(Approval))).all()
    assert sorted(each.action for each in approvals) == ["cancel", "hold"]


async def test_guarded_work_with_video_and_other_stations_can_be_had(
    session: AsyncSession, world: World
) -> None:
    burst = await order_in(session, world, State.CLOSED, fault="H10", crew="A1")
    assert burst.evidence_state == "complete"
    await order_in(session, world, State.HOLD, fault="P01", crew="B1")
    await order_in(session, world, State.CANCELLED, fault="P01", crew="B1")
