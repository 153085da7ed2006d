"""The service's figures and the second count of one database, side by side."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.board import service
from app.board.service import Question
from app.catalogue import working_time
from app.core import clock, settings
from app.core.permissions import Role
from app.core.scope import Grant, Principal
from tests.app.board import second_count

READER = Principal(id=UUID(int=1), name="manager", grants=(Grant(Role.MANAGER, None),))
Figures = dict[tuple[str, ...], dict[str, Any]]


async def counted(session: AsyncSession) -> tuple[Figures, Figures]:
    """(what the service tells, what the second count finds) of all orders, at one instant."""
    latest = await session.execute(text("SELECT max(server_at) FROM work_order_events"))
    # A played day may lie ahead of this process's clock.
    with clock.frozen(max(clock.now(), latest.scalar_one())):
        days = (
            await session.execute(
                text(
                    "SELECT min(reported_at)::date - 1, max(reported_at)::date + 1 FROM work_orders"
                )
            )
        ).one()
        question = Question(since=days[0], until=days[1])
        _, found = await service.figures(session, READER, question)
        told: Figures = {
            (each.period or "", each.station_id or "", each.service_class or "", each.clock): {
                "n": each.n,
                "running": each.running,
                "left_out": each.left_out,
                "limits": sorted((promise.kind, promise.limit_s) for promise in each.promises),
            }
            | {
                f"{name}_{time}": getattr(tally, field)
                for time, tally in (("net", each.net), ("gross", each.gross))
                for name, field in (
                    ("mean", "mean_s"),
                    ("p50", "p50_s"),
                    ("p90", "p90_s"),
                    ("late", "late"),
                    ("within", "within"),
                )
            }
            for each in found
        }
        zone = settings.current().zone
        orders, limits = await _orders(session), await _limits(session)
        return told, second_count.figures(
            orders, limits, clock.now(), zone, working_time.is_day_off
        )


async def _orders(session: AsyncSession) -> list[dict[str, Any]]:
    orders = {
        row.id: dict(row._mapping) | {"events": []}
        for row in await session.execute(
            text(
                "SELECT id, station_id, service_class, domain, zone,"
                " service_profile_id AS profile_id, reported_at, appointment_from, appointment_to"
                " FROM work_orders"
            )
        )
    }
    events = text(
        "SELECT order_id, action, to_state, at, payload FROM work_order_events"
        " ORDER BY order_id, seq"
    )
    for row in await session.execute(events):
        orders[row.order_id]["events"].append(dict(row._mapping))
    return list(orders.values())


async def _limits(session: AsyncSession) -> dict[tuple[Any, ...], tuple[str, int, str]]:
    rows = await session.execute(
        text(
            "SELECT profile_id, service_class, domain, zone, clock, kind, limit_s, calendar"
            " FROM service_limits"
        )
    )
    return {tuple(row[:5]): (row.kind, row.limit_s, row.calendar) for row in rows}
