"""Phones that drive along a street, and what became of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.core.geo import point
from app.organisation.models import Position
from app.travel import policy
from app.travel.drives import take_in
from app.travel.models import Drive, MatchedSpan
from app.work_orders import service as work_orders
from app.work_orders.acts import MeasuredPlace
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition
from tests.factories.orders import advance, leader_act, order_in
from tests.factories.world import NOW, World

MINUTE = timedelta(minutes=1)
METRES_PER_DEGREE = 111_195 * 0.8024
"""Along the parallel of 36.65 degrees north."""


class Street:
    """Phones that drive east, and what became of it."""

    def __init__(self, database: Database, world: World, roads: Any) -> None:
        self.database, self.world, self.roads = database, world, roads

    async def measured(
        self, who: str, first: float, last: float, *, metres_per_minute: float = 500, **how: Any
    ) -> None:
        """A fix each half minute from minute `first` to `last` after NOW."""
        async with self.database.transaction() as session:
            for half in range(round(2 * first), round(2 * last) + 1):
                minute = half / 2
                lon = 117.0 + metres_per_minute * minute / METRES_PER_DEGREE
                at = NOW + minute * MINUTE
                session.add(
                    Position(
                        **{
                            "technician_id": self.world.technicians[who],
                            "client_at": at,
                            "at": at,
                            "received_at": at,
                            "place": point(lon, 36.65),
                            "accuracy_m": 8.0,
                            "mocked": False,
                        }
                        | how
                    )
                )

    async def look(self, at_minute: float, lookback: timedelta = policy.RECENT) -> int:
        with clock.frozen(NOW + at_minute * MINUTE):
            return await take_in(self.database, self.roads, lookback=lookback)

    async def drives(self, kind: str = "positions") -> list[Drive]:
        async with self.database.transaction() as session:
            query = select(Drive).where(Drive.kind == kind).order_by(col(Drive.started_at))
            return list((await session.exec(query)).all())

    async def spans(self, crew: str) -> list[tuple[float, float]]:
        async with self.database.transaction() as session:
            query = select(MatchedSpan).where(MatchedSpan.crew_id == self.world.crews[crew])
            rows = (await session.exec(query.order_by(col(MatchedSpan.from_at)))).all()
            return [((r.from_at - NOW) / MINUTE, (r.to_at - NOW) / MINUTE) for r in rows]

    async def metres(self) -> int:
        return sum(drive.metres for drive in await self.drives())

    async def way(self, departs: float, arrives: float) -> UUID:
        """An order that crew A1 drives to, between these minutes."""
        async with self.database.transaction() as session:
            order = await order_in(session, self.world, State.ACCEPTED, crew="A1")
            with clock.frozen(NOW + departs * MINUTE):
                act = await leader_act(session, order)
                await transition(session, order, Action.CONTACTED, act)
                place = MeasuredPlace(117.0 + 500 * departs / METRES_PER_DEGREE, 36.65, 8.0)
                there = replace(act, place=place)
                await transition(session, order, Action.DEPARTED, there)
            order_id = order.id
        await self.arrive(order_id, arrives)
        return order_id

    async def arrive(self, order_id: UUID, minute: float) -> None:
        async with self.database.transaction() as session:
            row = await work_orders.locked_any(session, order_id)
            with clock.frozen(NOW + minute * MINUTE):
                await advance(session, self.world, row, State.ONSITE, crew="A1")
