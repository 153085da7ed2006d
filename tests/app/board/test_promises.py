"""Promises that are no plain caps of hours: a slot with its tolerance, and working days."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.tickers import run_timers
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.world import NOW, World

TOMORROW = NOW + timedelta(days=1)
FRIDAY_EVENING = datetime.fromisoformat("2026-01-16T18:00+08:00")
BETWEEN = {"since": "2026-01-14", "until": "2026-01-31", "grain": "whole", "group_by": "station"}


@pytest.fixture
def desk(client: httpx.AsyncClient, world: World, as_: Headers) -> Desk:
    return Desk(client, world, as_)


async def booked(desk: Desk, premises: str) -> str:
    """A heat meter to be looked at tomorrow between 08:00 and 10:00 UTC."""
    body = {
        "caller": {"name": "王女士", "phone": "13900000001"},
        "premises_id": str(desk.world.premises[premises]),
        "fault_code": "H24",
        "description": "热表",
        "appointment": {
            "starts_at": (TOMORROW + timedelta(hours=8)).isoformat(),
            "ends_at": (TOMORROW + timedelta(hours=10)).isoformat(),
        },
    }
    answer = await desk.client.post("/work-orders", json=body, headers=desk.as_("agent"))
    assert answer.status_code == 201, answer.text
    order_id: str = answer.json()["id"]
    return order_id


async def stop(session: AsyncSession, order_id: str, clock_name: str, at: datetime) -> None:
    by = {"K4": "arrived", "K8": "closed"}[clock_name]
    await session.execute(
        text(
            "UPDATE work_order_clocks SET stopped_at = :at, stopped_by = :by"
            " WHERE order_id = :id AND clock = :clock"
        ),
        {"at": at, "by": by, "id": UUID(order_id), "clock": clock_name},
    )


async def figure(desk: Desk, clock_name: str) -> dict[str, Any]:
    answer = await desk.client.get(
        "/service-levels", params=BETWEEN | {"clock": clock_name}, headers=desk.as_("manager")
    )
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["figures"]
    told: dict[str, Any] = found
    return told


async def test_bookable_work_is_kept_in_its_slot_and_half_an_hour_around(
    desk: Desk, database: Database
) -> None:
    after = [timedelta(minutes=m) for m in (449, 450, 630, 631)]  # slot: 480 to 600
    orders = [await booked(desk, home) for home in sorted(desk.world.premises)[: len(after)]]
    first = await desk.order(orders[0])
    arrival = next(each for each in first["clocks"] if each["clock"] == "K4")
    due = datetime.fromisoformat(arrival["due_at"])
    assert due == TOMORROW + timedelta(hours=10, minutes=30), "supervision looks at it as well"
    async with database.transaction() as session:
        for order_id, minutes in zip(orders, after, strict=True):
            await stop(session, order_id, "K4", TOMORROW + minutes)
    with clock.frozen(TOMORROW + timedelta(days=1)):
        told = await figure(desk, "K4")
    assert [(each["kind"], each["limit_s"]) for each in told["promises"]] == [("cap", 9000)]
    for time in ("net", "gross"):
        assert (told[time]["within"], told[time]["late"], told[time]["share"]) == (2, 2, 0.5)


async def test_days_off_use_up_nothing_of_a_limit_in_working_days(
    desk: Desk, database: Database
) -> None:
    order_id = await desk.report()
    started = {"id": UUID(order_id), "at": FRIDAY_EVENING}
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO work_order_clocks (id, order_id, clock, span, started_at)"
                " VALUES (gen_random_uuid(), :id, 'K8', 1, :at)"
            ),
            started,
        )
        await stop(session, order_id, "K8", FRIDAY_EVENING + timedelta(days=3, hours=12))
    with clock.frozen(FRIDAY_EVENING + timedelta(days=5)):
        told = await figure(desk, "K8")
    assert (told["net"]["mean_s"], told["gross"]["mean_s"]) == (36 * 3600, 84 * 3600)
    assert (told["net"]["late"], told["gross"]["late"]) == (0, 0), "a day and a half of two"


async def test_supervision_waits_over_a_weekend_for_a_limit_in_working_days(
    desk: Desk, database: Database
) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "UPDATE service_limits SET calendar = 'working_days', limit_s = 86400"
                " WHERE service_class = 'H3' AND clock IN ('K4', 'K5', 'K6')"
            )
        )
    reached = []
    with clock.frozen(FRIDAY_EVENING):
        order_id = await desk.report()
    for hours in (48, 12 + 48, 20 + 48, 25 + 48):
        with clock.frozen(FRIDAY_EVENING + timedelta(hours=hours)):
            await run_timers(database)
            answer = await desk.client.get(
                "/reply-duties",
                params={"order_id": order_id, "open_only": False},
                headers=desk.as_("dispatcher"),
            )
            reached.append(sum(each["cause"] == "clock" for each in answer.json()["items"]))
    assert reached == [0, 0, 2, 4], "80 % after 19.2 hours of working days, then all of it"
