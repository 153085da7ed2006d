"""A technician's phone: it pulls its work, hears pushes, and queues what its owner does.

It knows nothing but what the API and the pushes tell it.
"""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from app.core import clock
from app.demo.client import Caller, Device, Refused, Unreachable
from app.demo.journey import measured
from app.demo.pace import pause, real_seconds

LonLat = tuple[float, float]
Job = dict[str, Any]
_PUSH_WAIT_S = 25
_SETTLING_S = 0.2
"""Real seconds before a phone asks again for what the server said is about to be readable."""
_FIXES_AT_ONCE = 500
_ARRIVED_AT_ONCE = 50
_SENT_AGAIN = 0.04
"""Share of batches that are sent twice, as phones do that lost the answer."""


@dataclass(slots=True)
class Phone:
    """One installation, signed in as its technician."""

    caller: Caller
    push_server: str
    counts: Counter[str]
    pull_every_s: float
    """Business seconds between pulls when no push comes."""
    place: LonLat
    technician_id: str = ""
    offline: bool = False
    jobs: dict[str, Job] = field(default_factory=dict)
    crews: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _cursor: str | None = None
    _seq: int = 0
    _queue: list[dict[str, Any]] = field(default_factory=list)
    _fixes: list[dict[str, Any]] = field(default_factory=list)
    """Measured, and not answered yet."""
    _answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By command id, until whoever acted has read it: any flush sends everybody's commands."""
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reporting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _noise: random.Random = field(default_factory=lambda: random.Random(random.random()))
    _arrived: list[str] = field(default_factory=list)
    """Pushes that the service was not told of yet."""
    _pulling: asyncio.Lock = field(default_factory=asyncio.Lock)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        """Where pushes for this phone arrive."""
        device = self.caller.device
        assert device is not None
        return f"phone-{device.id.hex}"

    async def switch_on(self) -> None:
        """Sign in, register for pushes, clock in, and pull everything."""
        self.technician_id = (await self.caller.get("/me"))["technician_id"]
        await self.caller.put(
            "/mobile/push-address", {"provider": "fcm", "kind": "fid", "address": self.address}
        )
        lon, lat = self.place
        await self.caller.post("/mobile/clock-in", {"place": {"lon": lon, "lat": lat}})
        await self.pull()

    async def listen(self, http: httpx.AsyncClient) -> None:
        """Hear pushes for ever; what they say is only: look."""
        heard = 0
        while True:
            try:
                answer = await http.get(
                    f"{self.push_server}/phones/{self.address}/messages",
                    params={"after": heard, "wait_s": _PUSH_WAIT_S},
                    timeout=_PUSH_WAIT_S + 10,
                )
                box = answer.json()
            except (httpx.HTTPError, ValueError):
                await asyncio.sleep(1)
                continue
            heard = box["next"]
            self.counts["pushes_heard"] += len(box["messages"])
            self._arrived += [each["data"]["push_id"] for each in box["messages"]]
            if box["messages"]:
                self._woken.set()

    async def keep_pulling(self) -> None:
        """Pull when woken, and from time to time without being woken."""
        while True:
            await self._wait_for_push()
            if self.offline:
                continue
            with contextlib.suppress(Refused):
                await self.pull()

    async def _wait_for_push(self) -> None:
        jitter = random.uniform(0.7, 1.3)
        left_s = real_seconds(self.pull_every_s * jitter)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), left_s)
        self._woken.clear()

    async def pull(self) -> None:
        """Bring the working set up to date."""
        async with self._pulling:
            more = True
            while more:
                query = {"cursor": self._cursor} if self._cursor else {}
                arrived = self._arrived[:_ARRIVED_AT_ONCE]
                headers = _device_time() | {"Pushes-Arrived": ",".join(arrived)}
                answer = await self.caller.send(
                    "GET", "/mobile/sync", params=query, headers=headers
                )
                del self._arrived[: len(arrived)]
                told = answer.json()
                self._keep(told)
                settling = told.get("settling", False)
                more = told.get("more", False) or settling
                if settling:
                    await asyncio.sleep(_SETTLING_S)
            self.counts["pulls"] += 1
        async with self.changed:
            self.changed.notify_all()

    def _keep(self, told: dict[str, Any]) -> None:
        """Take over what was pulled, but nothing older than what a command was answered."""
        known = {} if told["mode"] == "full" else dict(self.jobs)
        for job in told["jobs"]:
            mine = self.jobs.get(job["id"])
            newer = mine is not None and mine["version"] > job["version"]
            known[job["id"]] = mine if mine is not None and newer else job
        self.jobs = known
        for order_id in told["gone"]:
            self.jobs.pop(order_id, None)
        if told.get("crews") is not None:  # absent means: as they were
            self.crews = {crew["id"]: crew for crew in told["crews"]}
        self._cursor = told["cursor"]

    def leads(self, crew_id: str) -> bool:
        """Whether the owner leads this crew."""
        members = self.crews.get(crew_id, {}).get("members", [])
        return any(
            member["technician_id"] == self.technician_id and member["role"] == "leader"
            for member in members
        )

    async def do(self, kind: str, order_id: str, **said: Any) -> dict[str, Any] | None:
        """Record an act and send it, with all that waits; the answer, or None while off line."""
        self._seq += 1
        lon, lat = self.place
        command = {
            "id": str(uuid4()),
            "device_seq": self._seq,
            "kind": kind,
            "order_id": order_id,
            "client_at": clock.now().isoformat(),
            "place": {"lon": lon, "lat": lat, "accuracy_m": random.choice((5, 8, 12, 20, 35))},
            **said,
        }
        self._queue.append(command)
        await self.flush()
        return self._answers.pop(str(command["id"]), None)

    async def flush(self) -> None:
        """Send the queue in order until all of it is answered."""
        async with self._sending:
            while self._queue and not self.offline:
                batch = self._queue[:100]
                told = await self._post(batch)
                if random.random() < _SENT_AGAIN:
                    told = await self._post(batch)
                self._note(told["answers"])
                if self._queue and self._queue[0] in batch:
                    await asyncio.sleep(0.5)

    async def _post(self, batch: list[dict[str, Any]]) -> dict[str, Any]:
        answer = await self.caller.send(
            "POST", "/mobile/commands", json={"commands": batch}, headers=_device_time()
        )
        told: dict[str, Any] = answer.json()
        return told

    def _note(self, told: list[dict[str, Any]]) -> None:
        for answer in told:
            self.counts[f"commands_{answer['outcome']}"] += 1
            self.counts["commands_replayed"] += answer["replayed"]
            if answer["outcome"] == "retry":
                continue
            self._answers[answer["id"]] = answer
            self._queue = [each for each in self._queue if each["id"] != answer["id"]]
            order = answer["order"]
            if order and order["id"] in self.jobs:
                self.jobs[order["id"]] |= {"state": order["state"], "version": order["version"]}

    async def report_place(self, place: LonLat) -> None:
        """Move, and tell the station where, with all that was measured before."""
        self.place = place
        self.measure(clock.now())
        await self.send_fixes()

    def measure(self, at: datetime) -> None:
        """Note where the phone is, a few metres off; nothing is sent."""
        (lon, lat), accuracy_m = measured(self.place, self._noise)
        self._fixes.append(
            {
                "at": at.isoformat(),
                "place": {"lon": lon, "lat": lat},
                "accuracy_m": accuracy_m,
                "mocked": False,
            }
        )

    async def send_fixes(self) -> None:
        """Tell the station what was measured; what is not answered is sent the next time."""
        async with self._reporting:
            while self._fixes and not self.offline:
                batch = self._fixes[:_FIXES_AT_ONCE]
                try:
                    answer = await self.caller.send(
                        "POST", "/mobile/positions", json={"fixes": batch}
                    )
                except (Refused, Unreachable):
                    return
                self.counts["position_batches"] += 1
                self.counts["positions_stored"] += answer.json()["stored"]
                del self._fixes[: len(batch)]

    async def until_gone(self, order_id: str, longest_s: float) -> bool:
        """Wait until the order left this phone; False when it stayed for `longest_s`."""
        ends = clock.now().timestamp() + longest_s
        while order_id in self.jobs:
            if clock.now().timestamp() > ends:
                return False
            await pause(30)
        return True


def installation(http: httpx.AsyncClient, username: str, password: str) -> Caller:
    """A technician's sign-in on a phone that was just set up."""
    return Caller(http, username, password, Device(uuid4(), f"phone of {username}"))


def _device_time() -> dict[str, str]:
    return {"Device-Time": clock.now().isoformat()}
