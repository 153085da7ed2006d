"""Who loses an order that is given to others: the old crew's phone, and the customer's link.

The phone keeps its event stream open and asks when it hears. The link is the one that the text
message brought; it bears twenty requests at once and then one in two seconds, so it is looked at
every 50 ms for 0.75 s, then every 0.3 s to 2.25 s.
"""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final
from uuid import uuid4

import httpx

from app.core import clock
from benchmarks.push_client import LeanClient, Refused
from benchmarks.push_stream import EVENT

LAST_WAIT_S: Final = 30.0
SETTLING_S: Final = 0.05
"""Before a phone asks again for what is about to be readable."""
LOOKS_S: Final = (*repeat(0.05, 15), *repeat(0.3, 5))
"""Waits between two looks at a link, as many as it bears; later ones are `SLOW_LOOK_S`."""
SLOW_LOOK_S: Final = 2.1
ENDED: Final = 410
TOO_OFTEN: Final = 429


@dataclass(slots=True)
class OldPhone:
    """The phone of a crew of one; `heard` and `dropped` say that it lost `order_id`."""

    client: LeanClient
    token: str
    order_id: str = ""
    jobs: set[str] = field(default_factory=set)
    cursor: str = ""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """The stream said that the order is gone."""
    dropped: asyncio.Event = field(default_factory=asyncio.Event)
    """The working set, once it had the order, has it no more."""
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def live(self, port: int) -> None:
        """Hear and ask, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(port))
            group.create_task(self._keep_asking())

    async def _listen(self, port: int) -> None:
        stream, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = (
            "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n"
        )
        writer.write(asked.encode())
        waiting = b""
        try:
            while piece := await stream.read(2**16):
                waiting = self._take(waiting + piece)
            raise RuntimeError(f"a phone's stream ended: {waiting[-300:]!r}")
        finally:
            writer.close()

    def _take(self, waiting: bytes) -> bytes:
        gone, end = f'"entity_id":"{self.order_id}","gone":true'.encode(), 0
        for event in EVENT.finditer(waiting):
            end = event.end()
            (self.ready if event[2] == b"ready" else self._woken).set()
            if gone in event[0]:
                self.heard.set()
        return waiting[end:]

    async def _keep_asking(self) -> None:
        while True:
            await self._pull()
            await self._woken.wait()
            self._woken.clear()

    async def _pull(self) -> None:
        """Bring the working set up to date."""
        more = True
        while more:
            told = await self.client.get(f"/mobile/sync{self.cursor and '?cursor='}{self.cursor}")
            self.cursor, had = told["cursor"], self.jobs
            kept = had - set(told["gone"]) if told["mode"] == "changes" else set()
            self.jobs = kept | {job["id"] for job in told["jobs"]}
            if self.order_id in had - self.jobs:
                self.dropped.set()
            more = told["more"] or told["settling"]
            await asyncio.sleep(SETTLING_S if told["settling"] else 0)

    async def set_out(self, lon: float, lat: float) -> None:
        """Accept and depart, by commands that say where the crew is."""
        commands = [
            {
                "id": str(uuid4()),
                "device_seq": seq,
                "kind": kind,
                "order_id": self.order_id,
                "client_at": clock.real_now().isoformat(),
                "place": {"lon": lon, "lat": lat, "accuracy_m": 10},
            }
            for seq, kind in enumerate(("accept", "depart"), 1)
        ]
        told = await self.client.post("/mobile/commands", {"commands": commands})
        if {each["outcome"] for each in told["answers"]} != {"applied"}:
            raise RuntimeError(f"the crew could not set out: {told}")

    async def has_it_anew(self) -> bool:
        """Whether a phone that reads everything anew is given the order."""
        told = await self.client.get("/mobile/sync")
        return self.order_id in {job["id"] for job in told["jobs"]}


@dataclass(slots=True)
class Visitor:
    """The customer; asks from an address of their own, without a sign-in."""

    client: LeanClient
    link: str = ""

    async def find_link(self, http: httpx.AsyncClient, messages_url: str) -> None:
        """Take the link out of the text; raises TimeoutError."""
        async with asyncio.timeout(LAST_WAIT_S):
            while not self.link:
                for each in (await http.get(messages_url)).json()["messages"]:
                    self.link = each["data"]["text"].partition("/visit/")[2][:44] or self.link
                await asyncio.sleep(0 if self.link else 0.2)

    async def look(self) -> dict[str, Any] | None:
        """What the link shows; None once it has ended."""
        try:
            return await self.client.get(f"/public/visits/{self.link}")
        except Refused as refused:
            if refused.status == TOO_OFTEN:
                await asyncio.sleep(SLOW_LOOK_S)
                return await self.look()
            if refused.status == ENDED:
                return None
            raise

    async def until_hidden(self) -> float:
        """When it was first seen to show nothing, or when patience ended."""
        for wait_s in chain(LOOKS_S, repeat(SLOW_LOOK_S, round(LAST_WAIT_S / SLOW_LOOK_S))):
            await asyncio.sleep(wait_s)
            if await self.look() is None:
                break
        return time.monotonic()
