"""A phone of this test in Python.

The same owner as in `clients/phone-core/test/handset.ts`, on the demo's client and uploads, with
SQLite under it. What is said goes to stdout before it is kept (`means`) and after (`said`).
"""

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.demo.album import Shot
from app.demo.client import API, Caller, Device, Refused, Unreachable
from app.demo.tus_upload import upload
from tests.hostile.pocket import Json, Pocket, new_shot

_HANDLED = {"SENT", "ACCEPTED", "ENROUTE", "ONSITE", "WORKING"}
_STEPS = ("accept", "contact", "depart", "arrive", "start", "restore", "complete")
_KINDS = "FBXXXX"
_READINGS = [
    {"kind": "R", "value": 20.5, "unit": "°C", "room": "主卧"},
    {"kind": "T", "value": 48, "unit": "°C", "point": "供水"},
    {"kind": "P", "value": 0.35, "unit": "MPa"},
]
_ASKS_EVERY_S = 3.0
_LINE_TROUBLE = (Unreachable, httpx.TransportError, TimeoutError)


class _SignedIn(Caller):
    """A sign-in that survives a kill."""

    def remember(self, pocket: Pocket) -> None:
        """Go on as it was left, and keep what comes."""
        self.pocket = pocket
        if tokens := pocket.kept("tokens"):
            super()._keep(tokens)

    def _keep(self, tokens: Json) -> None:
        self.pocket.keep("tokens", tokens)
        super()._keep(tokens)


class Handset:
    """One phone and its owner."""

    def __init__(self, config: Json, http: httpx.AsyncClient) -> None:
        self.config = config
        self.pocket = Pocket(Path(config["state"]) / "pocket.db")
        device = Device(UUID(config["device_id"]), "handset")
        self.caller = _SignedIn(http, config["username"], config["password"], device)
        self.caller.remember(self.pocket)
        self.boot = uuid4().hex
        self.done: set[str] = set()
        self.asks_at = 0.0
        self.online = asyncio.Event()

    async def live(self) -> None:
        """For ever: carry what was said, and work."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._weather())
            group.create_task(self._again(4.0, self._pull))
            group.create_task(self._again(0.2, self._push))
            group.create_task(self._again(0.2, self._upload))
            group.create_task(self._work())

    async def _weather(self) -> None:
        """On line for a while, then in a basement for a while."""
        while True:
            self.online.set()
            await asyncio.sleep(random.uniform(2, 6))
            if random.random() < self.config["basement"]:
                self.online.clear()
                await asyncio.sleep(random.uniform(1.5, 4))

    async def _again(self, every_s: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self.online.wait()
            with contextlib.suppress(*_LINE_TROUBLE):
                try:
                    await act()
                except Refused as refused:
                    _tell({"event": "refused", "problem": refused.type})
            await asyncio.sleep(random.uniform(0.5, 1.5) * every_s)

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(milliseconds=self.config["clock_offset_ms"])

    def _uptime_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def _clocks(self) -> dict[str, str]:
        uptime = f"{self.boot};{self._uptime_ms()}"
        return {"Device-Time": self._now().isoformat(), "Device-Uptime": uptime}

    async def _pull(self) -> None:
        more = True
        while more:
            cursor = self.pocket.kept("cursor")
            query = {"cursor": cursor} if cursor else {}
            answer = await self.caller.send(
                "GET", "/mobile/sync", params=query, headers=self._clocks()
            )
            told = answer.json()
            self.pocket.pulled(told)
            more = told.get("more", False)

    async def _push(self) -> None:
        while batch := self.pocket.waiting(50):
            answer = await self.caller.send(
                "POST", "/mobile/commands", json={"commands": batch}, headers=self._clocks()
            )
            answers = answer.json()["answers"]
            self.pocket.settle(answers)
            if all(each["outcome"] == "retry" for each in answers):
                return

    async def _upload(self) -> None:
        for order_id, shot in self.pocket.shots("state = 'waiting'"):
            self.pocket.set_file(str(shot.file_id), "waiting")
            await upload(self.caller, order_id, shot)
            self.pocket.set_file(str(shot.file_id), "stored")

    async def _work(self) -> None:
        while True:
            ready = [job for job in self.pocket.jobs() if job["state"] in _HANDLED]
            job = next((each for each in ready if each["id"] not in self.done), None)
            if job is None:
                await self._rest()
            elif self._role(job) == "leader":
                await self._visit(job)
            else:
                await self._assist(job)

    def _members(self, job: Json) -> list[Json]:
        crews = self.pocket.kept("crews") or []
        found: list[Json] = next(
            (each["members"] for each in crews if each["id"] == job["crew_id"]), []
        )
        return found

    def _role(self, job: Json) -> str | None:
        mine = self.config["technician_id"]
        return next(
            (each["role"] for each in self._members(job) if each["technician_id"] == mine), None
        )

    async def _visit(self, job: Json) -> None:
        """The whole visit, as far as the phone knows that the job is its crew's."""
        said = self.pocket.said_of(job["id"])
        for kind in _STEPS:
            if not self.pocket.has_job(job["id"]):
                break
            if kind in said:
                continue
            if kind == "complete":
                self._photograph(job, 2 + int(job["id"][-2], 16) % 3)
            self._say({"order_id": job["id"], "kind": kind, **self._details(kind, job)})
            await asyncio.sleep(random.uniform(0, 0.06))
        self.done.add(job["id"])

    async def _assist(self, job: Json) -> None:
        """A helper adds a note and pictures to the record."""
        if "record" not in self.pocket.said_of(job["id"]):
            shots = self._photograph(job, 1 + int(job["id"][-1], 16) % 2, first=1)
            files = [shot.declared() for shot in shots]
            said = {"contribution": {"note": "现场协助", "files": files}}
            self._say({"order_id": job["id"], "kind": "record", **said})
        self.done.add(job["id"])
        await asyncio.sleep(0)

    def _details(self, kind: str, job: Json) -> Json:
        if kind == "contact":
            return {"reached": True}
        if kind == "arrive":
            return {"place": {**job["place"], "accuracy_m": 12}}
        if kind != "complete":
            return {}
        shots = self.pocket.shots("order_id = ?", job["id"])
        return {
            "completion": {
                "outcome": "fixed",
                "cause_code": "equipment_age",
                "summary": "已处理，供应恢复",
                "readings": _READINGS,
                "manifest": [shot.declared() for _, shot in shots],
            }
        }

    def _photograph(self, job: Json, wanted: int, first: int = 0) -> list[Shot]:
        """Pictures until there are `wanted` of this order; those of before a kill count."""
        mine = [shot for _, shot in self.pocket.shots("order_id = ?", job["id"])]
        while len(mine) < wanted:
            content = _unique(Path(random.choice(self.config["pictures"])).read_bytes())
            shot = new_shot(_KINDS[first + len(mine)], content, self._now())
            (Path(self.config["taken"]) / str(shot.file_id)).write_bytes(content)
            told = {"id": str(shot.file_id), "order_id": job["id"], "kind": shot.kind}
            _tell({"means": "file", **told})
            self.pocket.add_file(job["id"], shot)
            _tell({"said": "file", "id": told["id"]})
            mine.append(shot)
        return mine

    def _say(self, said: Json) -> None:
        command_id = str(uuid4())
        told = {"id": command_id, "order_id": said["order_id"], "kind": said["kind"]}
        _tell({"means": "command", **told})
        steady = {"boot_id": self.boot, "uptime_ms": self._uptime_ms()}
        said = {**said, "client_at": self._now().isoformat(), "steady": steady}
        _tell({"said": "command", "id": command_id, "command": self.pocket.say(command_id, said)})

    async def _rest(self) -> None:
        """Nothing to do: ask now and then whether all is safe, and send again what is not."""
        await asyncio.sleep(0.15)
        if time.monotonic() < self.asks_at or self.pocket.has_work():
            return
        self.asks_at = time.monotonic() + _ASKS_EVERY_S
        with contextlib.suppress(*_LINE_TROUBLE, Refused):
            manifest = self.pocket.manifest()
            answer = await self.caller.send("POST", "/mobile/reconcile", json=manifest)
            told = answer.json()
            files = told["files"]
            self.pocket.say_again(told["commands"]["missing"])
            for file_id in [*files["missing"], *(each["id"] for each in files["partial"])]:
                self.pocket.set_file(file_id, "waiting")
            _tell({"drained": told["complete"], "said": len(manifest["commands"])})


def _unique(picture: bytes) -> bytes:
    """A JPEG like no other: a comment of random letters after its first marker."""
    letters = os.urandom(random.randint(4_000, 24_000)).hex().encode()
    return picture[:2] + b"\xff\xfe" + (len(letters) + 2).to_bytes(2, "big") + letters + picture[2:]


def _tell(line: dict[str, Any]) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


async def _live(config: Json) -> None:
    async with httpx.AsyncClient(base_url=f"{config['url']}{API}", timeout=10.0) as http:
        await Handset(config, http).live()


def main(arguments: list[str]) -> None:
    """Live until killed."""
    asyncio.run(_live(json.loads(Path(arguments[0]).read_text("utf-8"))))
