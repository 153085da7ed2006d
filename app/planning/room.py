"""Whether a crew still has room for an order, asked under its lock at the moment of sending."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.planning import commit_rows, policy, repository
from app.planning.held_up import EMPTY, is_free
from app.work_orders.models import WorkOrder


async def may_get(session: AsyncSession, order: WorkOrder, crew_id: UUID) -> bool:
    """Whether the crew still has room: plans of two stations may send to it at the same time."""
    await repository.lock_crew(session, crew_id)
    if order.service_class == policy.DANGER:
        return True
    return is_free((await commit_rows.hands_of(session, [crew_id])).get(crew_id, EMPTY))
