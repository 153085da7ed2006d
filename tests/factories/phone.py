"""A technician's phone over HTTP: it pulls, and it says what was done."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from app.core import clock

Json = dict[str, Any]


AT_THE_DOOR = {"lon": 117.0201, "lat": 36.6501, "accuracy_m": 12.5}
"""Of the building that most tests work in."""


class Chief:
    """A station chief at a desk, who looks at what phones said."""

    def __init__(
        self, client: httpx.AsyncClient, as_: Callable[[str], dict[str, str]], name: str
    ) -> None:
        self.client, self.as_, self.name = client, as_, name

    async def reads(self, path: str, **params: str) -> Any:
        """The answer to a GET, which must succeed; the items of a page."""
        answer = await self.client.get(path, params=params, headers=self.as_(self.name))
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return body["items"] if isinstance(body, dict) and "items" in body else body

    async def flags(self) -> dict[str, Json]:
        """The newest flag of each kind."""
        return {each["kind"]: each for each in reversed(await self.reads("/phone-flags"))}

    async def resolves(
        self, conflict_id: str, resolution: str, *fields: str, note: str = "已核实"
    ) -> httpx.Response:
        """Decide on a conflict."""
        return await self.client.post(
            f"/phone-conflicts/{conflict_id}/resolution",
            json={"resolution": resolution, "fields": list(fields), "note": note},
            headers=self.as_(self.name),
        )


class Phone:
    """One installation: keeps its cursor, its jobs and its command count."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = {"Authorization": headers["Authorization"]}
        self.cursor: str | None = None
        self.jobs: dict[str, Json] = {}
        self.seq = 0

    async def sync(self, device_time: datetime | None = None) -> Json:
        """One pull, applied as a phone must apply it."""
        headers = dict(self.headers)
        if device_time is not None:
            headers["Device-Time"] = device_time.isoformat()
        params = {"cursor": self.cursor} if self.cursor else {}
        answer = await self.client.get("/mobile/sync", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        self.cursor = body["cursor"]
        if body["mode"] == "full":
            self.jobs = {}
        self.jobs |= {job["id"]: job for job in body["jobs"]}
        for order_id in body["gone"]:
            self.jobs.pop(order_id, None)
        return body

    async def sync_until(self, seen: Callable[[Json], bool]) -> Json:
        """Pull until `seen` holds of an answer.

        The feed's horizon spans the whole cluster, so a neighbouring test's open transaction may
        hold a change back for a moment; a phone simply pulls again.
        """
        for _ in range(200):
            body = await self.sync()
            if seen(body):
                return body
            await asyncio.sleep(0.02)
        raise AssertionError(f"never seen; last answer: {body}")

    async def pulls(self) -> None:
        """A pull as a phone makes it: again while there is more or something settles.

        The last one shows the server that the answers before it arrived.
        """
        await self.sync_until(lambda body: not (body["more"] or body["settling"]))

    async def works(self, order_id: str) -> None:
        """Accept, drive, arrive at the door, begin."""
        body = await self.send(
            self.command("accept", order_id),
            self.command("depart", order_id),
            self.command("arrive", order_id, place=AT_THE_DOOR),
            self.command("start", order_id),
        )
        assert [each["outcome"] for each in body["answers"]] == ["applied"] * 4, body

    def command(self, kind: str, order_id: UUID | str, **fields: Any) -> Json:
        """A new command with the next sequence number, done now."""
        self.seq += 1
        return {
            "id": str(uuid4()),
            "device_seq": self.seq,
            "kind": kind,
            "order_id": str(order_id),
            "client_at": clock.now().isoformat(),
        } | fields

    async def send(
        self, *commands: Json, device_time: datetime | None = None, lost: Sequence[int] = ()
    ) -> Json:
        """Post a batch; the whole answer."""
        headers = dict(self.headers)
        if device_time is not None:
            headers["Device-Time"] = device_time.isoformat()
        answer = await self.client.post(
            "/mobile/commands",
            content=json.dumps({"commands": list(commands), "lost": list(lost)}),
            headers=headers | {"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def do(self, kind: str, order_id: UUID | str, **fields: Any) -> Json:
        """Send one command; its answer."""
        body = await self.send(self.command(kind, order_id, **fields))
        answer: Json = body["answers"][0]
        return answer
