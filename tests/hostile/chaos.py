"""Kills: apps at random points, and API, worker and database in turn."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.hostile.house import House
from tests.hostile.phones import Handset

_APP_DOWN_S = (0.1, 1.5)
_SERVER_DOWN_S = (0.2, 1.5)
_LOOK_EVERY_S = 0.02
_LOOKS_AT_WORKER = 400


@dataclass(slots=True)
class Chaos:
    """Kills one app about every `apps_every_s`, and the `servers`
    one after the other every `servers_every_s`."""

    house: House
    handsets: Sequence[Handset]
    chance: random.Random
    apps_every_s: float
    servers_every_s: float
    servers: Sequence[str]
    cut_work: set[str] = field(default_factory=set)
    """Jobs and messages that the worker was killed over."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """For ever, until cancelled; then wait for `repaired`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill_apps())
            group.create_task(self._kill_servers())

    async def repaired(self) -> None:
        """Until whatever was killed runs again."""
        await asyncio.gather(*self._under_way)

    async def _whole(self, act: Coroutine[None, None, None]) -> None:
        """A kill and its restart belong together, also when the chaos is called off."""
        task = asyncio.create_task(act)
        self._under_way.add(task)
        await asyncio.shield(task)
        self._under_way.discard(task)

    async def _kill_apps(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 1.7) * self.apps_every_s)
            handset = self.chance.choice(self.handsets)
            await self._whole(self._kill_app(handset))

    async def _kill_app(self, handset: Handset) -> None:
        handset.assert_alive()
        await handset.kill()
        await asyncio.sleep(self.chance.uniform(*_APP_DOWN_S))
        await handset.start()

    async def _kill_servers(self) -> None:
        for name in self.servers:
            await asyncio.sleep(self.chance.uniform(0.7, 1.3) * self.servers_every_s)
            await self._whole(self._kill_server(name))

    async def _kill_server(self, name: str) -> None:
        if name == "worker":
            await self._catch_worker()
        await self.house.kill(name)
        await asyncio.sleep(self.chance.uniform(*_SERVER_DOWN_S))
        await self.house.restart(name)

    async def _catch_worker(self) -> None:
        """Wait until a job or a message is under way, and note which the kill will cut."""
        for _ in range(_LOOKS_AT_WORKER):
            under_way: set[str] = await self.house.do(_under_way)
            if fresh := under_way - self.cut_work:
                self.cut_work |= fresh
                return
            await asyncio.sleep(_LOOK_EVERY_S)


async def _under_way(session: AsyncSession) -> set[str]:
    jobs = "SELECT 'job ' || id FROM procrastinate_jobs WHERE status = 'doing'"
    messages = "SELECT 'message ' || id FROM dispatches WHERE state = 'sending'"
    rows = await session.execute(text(f"{jobs} UNION ALL {messages}"))
    return {row[0] for row in rows}
