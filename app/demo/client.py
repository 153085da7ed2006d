"""HTTP as a well-behaved client speaks it: signed in, replay-safe, patient with outages."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

API = "/api/v1"
_TRIES = 6
_FIRST_WAIT_S = 0.2
_PASSING = {429, 502, 503, 504}


class Refused(Exception):
    """The service said no: status, stable problem type, and the problem's members."""

    def __init__(self, method: str, path: str, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.type = str(problem.get("type", "")).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        super().__init__(f"{method} {path}: {status} {problem}")


class Unreachable(Exception):
    """No answer after several tries."""


BRANDS = ("huawei", "xiaomi", "oppo", "vivo", "honor")
APP_VERSION = "1.0"


class _SignInWaits(Exception):
    """The service cannot sign anybody in just now."""


def open_http(base_url: str, connections: int = 40) -> httpx.AsyncClient:
    """A pool of connections to the API; requests take at most 30 s."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(base_url=f"{base_url}{API}", timeout=30.0, limits=limits)


@dataclass(slots=True)
class Device:
    """A phone's installation, to which its sign-in is bound."""

    id: UUID
    name: str

    def wire(self) -> dict[str, str]:
        told = {"id": str(self.id), "name": self.name, "platform": "android"}
        return told | {"brand": BRANDS[self.id.int % len(BRANDS)], "app_version": APP_VERSION}


@dataclass(slots=True)
class Caller:
    """One signed-in person; the sign-in renews itself."""

    http: httpx.AsyncClient
    username: str
    password: str
    device: Device | None = None
    _access: str = ""
    _refresh: str = ""
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, path: str, **query: Any) -> Any:
        """The body of a read."""
        return (await self.send("GET", path, params=query or None)).json()

    async def pages(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list with cursors."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, limit=200, **query, **cursor)
            items += page["items"]
            if not page["next_cursor"]:
                return items
            cursor = {"cursor": page["next_cursor"]}

    async def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """The body of the answer to a submission; `key` makes it a retry of an earlier one."""
        answer = await self.send("POST", path, json=body, key=key)
        return answer.json() if answer.content else None

    async def put(self, path: str, body: Any) -> Any:
        """The body of the answer to a replacement."""
        answer = await self.send("PUT", path, json=body)
        return answer.json() if answer.content else None

    async def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        tries: int = _TRIES,
        **request: Any,
    ) -> httpx.Response:
        """One request, sent again with the same key until it is answered; raises Refused.

        Raises Unreachable after `tries` without an answer.
        """
        headers = dict(request.pop("headers", {}))
        if method not in ("GET", "HEAD"):
            headers.setdefault("Idempotency-Key", key or str(uuid4()))
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(_FIRST_WAIT_S * 2**attempt)
            try:
                used = await self._signed_in()
                headers["Authorization"] = f"Bearer {used}"
                answer = await self.http.request(method, path, headers=headers, **request)
                if answer.status_code == 401:
                    await self._renew(used)
                    continue
            except (httpx.TransportError, _SignInWaits):
                continue
            if answer.status_code < 400:
                return answer
            if answer.status_code not in _PASSING:
                raise Refused(method, path, answer.status_code, _problem(answer))
        raise Unreachable(f"{method} {path} for {self.username}")

    async def authorised(self) -> dict[str, str]:
        """The header that carries the sign-in, for requests that are sent elsewhere."""
        return {"Authorization": f"Bearer {await self._signed_in()}"}

    async def sign_in(self) -> None:
        """Sign in with the password."""
        body: dict[str, Any] = {"username": self.username, "password": self.password}
        if self.device is not None:
            body["device"] = self.device.wire()
        answer = await self.http.post("/auth/login", json=body)
        if answer.status_code in _PASSING:
            raise _SignInWaits
        if answer.status_code != 200:
            raise Refused("POST", "/auth/login", answer.status_code, _problem(answer))
        self._keep(answer.json())

    async def _signed_in(self) -> str:
        if not self._access:
            await self._renew("")
        return self._access

    async def _renew(self, used: str) -> None:
        """Replace the access token `used`, unless somebody did meanwhile."""
        async with self._renewing:
            if self._access != used:
                return
            if self._refresh:
                body = {"refresh_token": self._refresh}
                if self.device is not None:
                    body["device_id"] = str(self.device.id)
                answer = await self.http.post("/auth/refresh", json=body)
                if answer.status_code == 200:
                    self._keep(answer.json())
                    return
            await self.sign_in()

    def _keep(self, tokens: dict[str, Any]) -> None:
        self._access, self._refresh = tokens["access_token"], tokens["refresh_token"]


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        return {"detail": answer.text[:300]}
    return problem if isinstance(problem, dict) else {"detail": str(problem)[:300]}
