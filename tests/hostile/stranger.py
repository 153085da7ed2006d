"""A technician of another station who tries to write into other people's uploads."""

import asyncio
import base64
import contextlib
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.demo.client import Caller, Device, Refused, Unreachable, open_http
from app.work_orders.states import State
from tests.factories.orders import order_in
from tests.factories.world import PASSWORD
from tests.hostile.company import STRANGER
from tests.hostile.house import House
from tests.hostile.phones import Handset

_EVERY_S = 1.0
_PATH = "/evidence/uploads"
_TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(slots=True)
class Stranger:
    """Names files that others took, for an order of his own, and sends other bytes."""

    house: House
    handsets: Sequence[Handset]
    chance: random.Random
    tries: int = 0

    async def run(self) -> None:
        """About once a second, until cancelled."""
        order_id: UUID = await self.house.do(self._own_order)
        async with open_http(self.house.url) as http:
            caller = Caller(http, STRANGER, PASSWORD, Device(uuid4(), "stranger"))
            while True:
                await asyncio.sleep(_EVERY_S)
                # An id that the server has not heard of belongs to nobody yet.
                known: set[str] = await self.house.do(_latest)
                taken = {id_: f for each in self.handsets for id_, f in each.said.files.items()}
                if not (others := sorted(known & taken.keys())):
                    continue
                file_id = self.chance.choice(others)
                file = taken[file_id]
                try:
                    await self._pry(caller, file_id, file.kind, order_id, file.path.read_bytes())
                except (Refused, Unreachable):
                    self.tries += 1

    async def _own_order(self, session: AsyncSession) -> UUID:
        order = await order_in(session, self.house.world, State.ACCEPTED, fault="H02", crew="B1")
        return order.id

    async def _pry(
        self, caller: Caller, file_id: str, kind: str, order_id: UUID, content: bytes
    ) -> None:
        """Raises Refused, as it should be."""
        told = {
            "order_id": str(order_id),
            "file_id": file_id,
            "kind": kind,
            "sha256": hashlib.sha256(content).hexdigest(),
            "filetype": "image/jpeg",
        }
        pairs = (f"{key} {base64.b64encode(each.encode()).decode()}" for key, each in told.items())
        length = {"Upload-Length": str(len(content)), "Upload-Metadata": ",".join(pairs)}
        # Each by itself: a refusal in a `finally` would swallow the call that ends this task.
        with contextlib.suppress(Refused, Unreachable):
            await caller.send("POST", _PATH, headers={**_TUS, **length}, tries=1)
        chunk = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        await caller.send(
            "PATCH",
            f"{_PATH}/{file_id}",
            headers={**_TUS, **chunk},
            content=content[::-1],
            tries=1,
        )


async def _latest(session: AsyncSession) -> set[str]:
    """Files that phones named last."""
    rows = await session.execute(
        text("SELECT id::text FROM evidence_files ORDER BY declared_at DESC LIMIT 20")
    )
    return {row[0] for row in rows}
