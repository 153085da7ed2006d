"""Questions about plans that were made: why this crew, and what two plans differ in."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

import dispatch
from app.core.db import Database
from app.core.scope import Principal
from app.planning import reason_rows, repository, service
from app.planning.errors import PlanNotKept
from app.planning.models import PlannedVisit, PlanningProblem, UnplannedOrder
from app.planning.stored import Asked, unpacked
from app.planning.why_shown import why_planned
from app.work_orders.models import WorkOrder
from app.work_orders.states import AWAITING_DISPATCH, State

Planned = tuple[WorkOrder, PlannedVisit | None, UnplannedOrder | None]


async def order_plan(
    database: Database, principal: Principal, order_id: UUID
) -> tuple[Planned, dict[str, Any] | None]:
    """Where the order stands in the plan, and why the crew that got it; raises NotFound.

    Of an order that was sent it is what was kept with its dispatch, also while it is held and after
    it was closed. While it waits with a visit, or for the seconds until that is worked out, the
    price of other crews is that of the run which chose, with no transaction open. There is no why
    where somebody decided otherwise since: a dispatcher by hand, or danger that took the crew.
    """
    async with database.transaction() as session:
        found = await service.plan_of(session, principal, order_id)
        order, visit, _ = found
        if State(order.state) in AWAITING_DISPATCH:
            crew_id = visit.crew_id if visit else None
            body = await repository.problem_that_planned(session, order_id) if visit else None
        else:
            kept = await reason_rows.of_order(session, order_id)
            if kept is None or not kept.pending or kept.run_id is None:
                return found, kept.reason if kept else None
            crew_id = kept.crew_id
            body = await reason_rows.body_of(session, kept.run_id)
    if body is None:
        return found, None
    return found, await asyncio.to_thread(_why, body, order.serial, crew_id)


def _why(body: bytes, serial: str, crew_id: UUID | None) -> dict[str, Any] | None:
    return why_planned(unpacked(body), serial, crew_id)


async def difference(
    database: Database, principal: Principal, run_id: UUID, with_run_id: UUID
) -> dict[str, Any]:
    """What changes from the first run's plan to the other's; raises NotFound, PlanNotKept."""
    async with database.transaction() as session:
        bodies = [await _body(session, principal, each) for each in (run_id, with_run_id)]
    return await asyncio.to_thread(_difference, (run_id, with_run_id), bodies)


async def _body(session: AsyncSession, principal: Principal, run_id: UUID) -> bytes:
    await service.run_of(session, principal, run_id)
    kept = await session.get(PlanningProblem, run_id)
    if kept is None:
        raise PlanNotKept(run_id=str(run_id))
    return kept.body


def _difference(runs: tuple[UUID, UUID], bodies: list[bytes]) -> dict[str, Any]:
    """Both plans priced by the run that knows more crews and orders, the first one of equals."""
    before, after = (unpacked(body) for body in bodies)
    by = after if _known(after) > _known(before) else before
    found = dispatch.compare(by.problem, _in_time_of(by, before), _in_time_of(by, after))
    ids = {**after.order_ids, **before.order_ids}
    return {
        "run_id": runs[0],
        "with_run_id": runs[1],
        "priced_by": runs[0] if by is before else runs[1],
        "moved": [_move(move, ids.get(move.order_id), by.at) for move in found.moved],
        "shifted": [_shift(shift, ids.get(shift.order_id), by.at) for shift in found.shifted],
        "unchanged": found.unchanged,
        "before_s": dict(found.before),
        "after_s": dict(found.after),
        "saved_s": dict(found.saved),
        "gain_s": found.gain,
        "together_s": dict(found.together),
        "unknown": list(found.unknown),
        "zh": found.zh,
        "en": found.en,
    }


def _move(move: dispatch.Move, order_id: UUID | None, at: datetime) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "serial": move.order_id,
        "from_crew": move.from_crew,
        "to_crew": move.to_crew,
        "start_before": _instant(at, move.start_before_s),
        "start_after": _instant(at, move.start_after_s),
        "saved_s": dict(move.saved),
        "gain_s": move.gain,
        "because": move.because,
        "zh": move.zh,
        "en": move.en,
    }


def _shift(shift: dispatch.Shift, order_id: UUID | None, at: datetime) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "serial": shift.order_id,
        "crew_code": shift.crew_id,
        "start_before": _instant(at, shift.start_before_s),
        "start_after": _instant(at, shift.start_after_s),
    }


def _instant(at: datetime, after_s: int | None) -> datetime | None:
    return None if after_s is None else at + timedelta(seconds=after_s)


def _known(asked: Asked) -> tuple[int, int]:
    return len(asked.problem.crews), len(asked.problem.orders)


def _in_time_of(by: Asked, asked: Asked) -> dispatch.Plan:
    """The plan with its times counted from the other's time zero."""
    later = int((asked.at - by.at).total_seconds())
    if later == 0:
        return asked.plan
    return replace(asked.plan, routes=tuple(_later(route, later) for route in asked.plan.routes))


def _later(route: dispatch.Route, by_s: int) -> dispatch.Route:
    return replace(
        route,
        end_s=route.end_s + by_s,
        visits=tuple(
            visit._replace(
                arrival_s=visit.arrival_s + by_s,
                start_s=visit.start_s + by_s,
                finish_s=visit.finish_s + by_s,
            )
            for visit in route.visits
        ),
        breaks=tuple(
            rest._replace(start_s=rest.start_s + by_s, finish_s=rest.finish_s + by_s)
            for rest in route.breaks
        ),
    )
