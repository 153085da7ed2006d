"""Kills: apps at random points, and API, worker and database in turn."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.hostile.house import House
from tests.hostile.phones import Handset

_APP_DOWN_S = (0.1, 1.5)
_SERVER_DOWN_S = (0.2, 1.5)


@dataclass(slots=True)
class Chaos:
    """Kills one app about every `apps_every_s`, and one server every `servers_every_s`."""

    house: House
    handsets: Sequence[Handset]
    chance: random.Random
    apps_every_s: float
    servers_every_s: float
    servers: Sequence[str]

    async def run(self) -> None:
        """For ever, until cancelled; whatever was killed runs again then."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill_apps())
            group.create_task(self._kill_servers())

    async def _kill_apps(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.3, 1.7) * self.apps_every_s)
            handset = self.chance.choice(self.handsets)
            await asyncio.shield(self._kill_app(handset))

    async def _kill_app(self, handset: Handset) -> None:
        handset.assert_alive()
        await handset.kill()
        await asyncio.sleep(self.chance.uniform(*_APP_DOWN_S))
        await handset.start()

    async def _kill_servers(self) -> None:
        turn = 0
        while self.servers:
            await asyncio.sleep(self.chance.uniform(0.7, 1.3) * self.servers_every_s)
            await asyncio.shield(self._kill_server(self.servers[turn % len(self.servers)]))
            turn += 1

    async def _kill_server(self, name: str) -> None:
        await self.house.kill(name)
        await asyncio.sleep(self.chance.uniform(*_SERVER_DOWN_S))
        await self.house.restart(name)
