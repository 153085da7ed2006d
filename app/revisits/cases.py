"""Reworks: proposed by rule, attributed by a person who took no part (DOMAIN 5.6, 17, 18)."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import service as completions
from app.core import clock
from app.core.problems import NotFound
from app.core.scope import Principal
from app.revisits import repository
from app.revisits.errors import AlreadyAttributed, AttributesOwnWork
from app.revisits.models import ReworkCase
from app.work_orders.models import WorkOrder


async def propose(
    session: AsyncSession, original_id: UUID, order: WorkOrder, *, found_by: str, window_days: int
) -> ReworkCase:
    """Say that an order perhaps repeats another; the same again changes nothing."""
    before = await repository.case_of(session, order.id)
    if before is not None:
        return before
    case = ReworkCase(
        original_id=original_id,
        order_id=order.id,
        found_by=found_by,
        window_days=window_days,
        proposed_at=clock.now(),
    )
    session.add(case)
    await session.flush()
    return case


async def repetition(session: AsyncSession, order_id: UUID) -> ReworkCase | None:
    """The case that says that this order repeats another."""
    return await repository.case_of(session, order_id)


async def attribute(
    session: AsyncSession, principal: Principal, case_id: UUID, cause: str, reason: str
) -> ReworkCase:
    """Decide why the repair had to be repeated, once.

    Raises NotFound outside the scope, AlreadyAttributed, and AttributesOwnWork for somebody who
    worked on either order: nobody decides on their own work.
    """
    case = await repository.locked_case(session, principal, case_id)
    if case is None:
        raise NotFound()
    if case.cause is not None:
        raise AlreadyAttributed(cause=case.cause)
    for order_id in (case.original_id, case.order_id):
        if await completions.worked_on(session, principal.id, order_id):
            raise AttributesOwnWork()
    case.cause, case.reason = cause, reason
    case.decided_by, case.decided_at = principal.id, clock.now()
    await session.flush()
    return case


async def cases(
    session: AsyncSession,
    principal: Principal,
    *,
    undecided: bool,
    after: UUID | None,
    limit: int,
) -> Sequence[tuple[ReworkCase, str, str]]:
    """(case, original's serial, repetition's serial) in scope, by id; perhaps only open ones."""
    return await repository.cases(session, principal, undecided=undecided, after=after, limit=limit)


async def one_case(
    session: AsyncSession, principal: Principal, case_id: UUID
) -> tuple[ReworkCase, str, str]:
    """A case in scope with both serials; raises NotFound."""
    found = await repository.one_case(session, principal, case_id)
    if found is None:
        raise NotFound()
    return found
