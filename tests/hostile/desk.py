"""The desk: sends jobs to crews as fast as they are done, and takes some away again."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Role
from app.work_orders import assignments, service
from app.work_orders.acts import Act
from app.work_orders.states import IN_CREW_HANDS, State
from tests.factories.orders import order_in, person
from tests.hostile.house import House

_FAULT = "H12"
_OPEN_PER_CREW = 3
_LOOK_EVERY_S = 0.4
_HELD = text(
    "SELECT c.code, o.id FROM work_orders o JOIN assignments a ON a.order_id = o.id"
    " AND a.ended_at IS NULL JOIN crews c ON c.id = a.crew_id WHERE o.state = ANY(:states)"
)


@dataclass(slots=True)
class Desk:
    """Sends `jobs` orders; every `taken_away_every`th is given to another crew on the way."""

    house: House
    jobs: int
    crews: Sequence[str]
    chance: random.Random
    taken_away_every: int
    sent: list[UUID] = field(default_factory=list)
    taken_away: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    """Order -> (crew that had it, crew that got it)."""

    async def run(self) -> None:
        """Until every job is sent."""
        while len(self.sent) < self.jobs:
            held = await self.held()
            load = Counter(crew for crew, _ in held)
            for crew in self.crews:
                if load[crew] < _OPEN_PER_CREW and len(self.sent) < self.jobs:
                    self.sent.append(await self.house.do(self.sending(crew)))
            if len(self.sent) // self.taken_away_every > len(self.taken_away):
                await self._take_one_away(held)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def open_jobs(self) -> list[UUID]:
        """Those of the jobs that are still in somebody's hands."""
        return [order_id for _, order_id in await self.held() if order_id in set(self.sent)]

    async def held(self) -> list[tuple[str, UUID]]:
        """(crew, order) of all that is in the crews' hands."""

        async def read(session: AsyncSession) -> list[tuple[str, UUID]]:
            states = {"states": [state.value for state in IN_CREW_HANDS]}
            rows = await session.execute(_HELD, states)
            return [(row[0], row[1]) for row in rows]

        return await self.house.do(read)

    def sending(self, crew: str) -> Callable[[AsyncSession], Awaitable[UUID]]:
        """The act that takes a call and sends it to this crew."""

        async def send(session: AsyncSession) -> UUID:
            order = await order_in(
                session,
                self.house.world,
                State.SENT,
                fault=_FAULT,
                crew=crew,
                premises="锦绣家园1-1-101",
            )
            return order.id

        return send

    async def _take_one_away(self, held: list[tuple[str, UUID]]) -> None:
        ours = [(crew, each) for crew, each in held if each in set(self.sent)]
        free = [(crew, each) for crew, each in ours if each not in self.taken_away]
        if not free:
            return
        crew, order_id = self.chance.choice(free)
        others = [each for each in self.crews if each != crew]
        to = self.chance.choice(others)

        async def give(session: AsyncSession) -> bool:
            order = await service.locked_any(session, order_id)
            holder = await assignments.current(session, order)
            states = {state.value for state in IN_CREW_HANDS}
            held_by = self.house.world.crews[crew]
            if order.state not in states or holder is None or holder.crew_id != held_by:
                return False
            act = Act.now(await person(session, self.house.world, "dispatcher"), Role.DISPATCHER)
            to_id = self.house.world.crews[to]
            await assignments.assign(session, order, to_id, act, how="manual", reason="改派")
            return True

        if await self.house.do(give):
            self.taken_away[order_id] = (crew, to)
