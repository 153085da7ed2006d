"""Every route against every role, by a table that was written by hand.

`permissions.csv` says who may call what. Ids in the paths are made up and bodies are empty, so a
caller who may gets 404 or 422; only 401 and 403 tell of permission.
"""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from app.core.permissions import Role
from tests.architecture.routes import ApiRoute, api_routes

TABLE = Path(__file__).parent / "permissions.csv"

PUBLIC = {
    "POST /auth/login",
    "POST /auth/refresh",
    "OPTIONS /evidence/uploads",
    "GET /public/visits/{link}",
    "POST /public/visits/{link}/opt-out",
    "POST /public/ratings/{link}",
    "GET /healthz",
    "GET /readyz",
}
"""What needs no sign-in: signing in, what uploads can do, health, and what a signed link opens."""

WITHOUT_KEY = {
    "POST /auth/login": "there is nobody yet whose key it could be",
    "POST /auth/refresh": "the rotating token itself tells a repetition",
    "POST /public/visits/{link}/opt-out": "wanting no messages twice is wanting none",
    "POST /public/ratings/{link}": "the link itself is answered once",
    "POST /auth/logout": "signing out twice is signing out",
    "POST /me/password": "the stored digest of the request would be a quick hash of a password",
    "POST /evidence/uploads": "the client's file id serves",
    "PATCH /evidence/uploads/{file_id}": "the offset serves",
    "DELETE /evidence/uploads/{file_id}": "ending an upload twice is ending it",
    "POST /mobile/commands": "each command carries its own UUID",
    "POST /mobile/reconcile": "it compares, and notes only that it was asked",
    "POST /work-orders/slots": "it asks for prices and writes nothing",
    "POST /payouts/rate-cards/simulation": "it asks what a month would pay and writes nothing",
    "POST /mobile/positions": "each fix is known by its person and time",
}
"""Writes that claim no Idempotency-Key, and why."""

PERSON = {
    Role.AGENT: "agent",
    Role.DISPATCHER: "dispatcher",
    Role.TECHNICIAN: "tech01",
    Role.STATION_CHIEF: "chief1",
    Role.REVIEWER: "reviewer",
    Role.REVISITOR: "revisitor",
    Role.MANAGER: "manager",
    Role.PAY_CLERK: "pay_clerk",
    Role.ADMIN: "admin",
}

Headers = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def table() -> dict[str, dict[Role, bool]]:
    """`METHOD /path` to role to whether it may."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert {row[role] for role in Role} <= {"y", "n"}, row
    keys = [f"{row['method']} {row['path']}" for row in rows]
    assert len(keys) == len(set(keys))
    return {
        key: {role: row[role] == "y" for role in Role} for key, row in zip(keys, rows, strict=True)
    }


async def call(
    client: httpx.AsyncClient, route: ApiRoute, headers: dict[str, str]
) -> httpx.Response:
    path = re.sub(r"\{[a-z_]+\}", lambda _: str(uuid4()), route.url)
    headers = headers | {"Tus-Resumable": "1.0.0"}
    body = {"json": {}} if route.method in {"POST", "PUT", "PATCH"} else {}
    address = client.base_url.join(path)
    return await client.request(route.method, address, headers=headers, **body)


class TestTable:
    def test_it_has_a_row_for_every_route_and_no_other(
        self, app: FastAPI, table: dict[str, dict[Role, bool]]
    ) -> None:
        keys = {route.key for route in api_routes(app)}
        assert len(keys) > 50
        assert keys - PUBLIC == set(table)
        assert keys >= PUBLIC

    async def test_without_a_sign_in_nothing_opens(
        self, app: FastAPI, client: httpx.AsyncClient
    ) -> None:
        opened = [
            (route.key, answer.status_code)
            for route in api_routes(app)
            if route.key not in PUBLIC
            and (answer := await call(client, route, {"Idempotency-Key": str(uuid4())})).status_code
            != 401
        ]
        assert opened == []

    @pytest.mark.parametrize("role", list(Role))
    async def test_a_role_opens_what_the_table_says(
        self,
        app: FastAPI,
        client: httpx.AsyncClient,
        as_: Headers,
        table: dict[str, dict[Role, bool]],
        role: Role,
    ) -> None:
        wrong: list[str] = []
        # Signing out comes last, since nothing opens afterwards.
        routes = sorted(api_routes(app), key=lambda route: route.path == "/auth/logout")
        for route in routes:
            if route.key not in table:  # public, or told by the first test of this class
                continue
            status = (await call(client, route, as_(PERSON[role]))).status_code
            expected = table[route.key][role]
            held = status not in {401, 403} and status < 500 if expected else status == 403
            if not held:
                wrong.append(f"{route.key}: {status}, the table says {'y' if expected else 'n'}")
        assert wrong == []


class TestRoutes:
    def test_each_asks_for_exactly_one_permission(self, app: FastAPI) -> None:
        wrong = [
            (route.key, len(route.allows))
            for route in api_routes(app)
            if len(route.allows) != (0 if route.key in PUBLIC else 1)
        ]
        assert wrong == []

    def test_each_write_claims_a_key_or_has_a_reason(self, app: FastAPI) -> None:
        writes = [
            route for route in api_routes(app) if route.method in {"POST", "PUT", "PATCH", "DELETE"}
        ]
        keyless = {route.key for route in writes if not any(allow.once for allow in route.allows)}
        assert keyless == set(WITHOUT_KEY)

    def test_no_read_claims_a_key(self, app: FastAPI) -> None:
        reads = [route for route in api_routes(app) if route.method in {"GET", "HEAD", "OPTIONS"}]
        assert [route.key for route in reads if any(allow.once for allow in route.allows)] == []

    async def test_a_write_without_its_key_is_refused(
        self,
        app: FastAPI,
        client: httpx.AsyncClient,
        as_: Headers,
        table: dict[str, dict[Role, bool]],
    ) -> None:
        for route in api_routes(app):
            if route.key not in table or not any(allow.once for allow in route.allows):
                continue
            role = next(role for role, may in table[route.key].items() if may)
            headers = as_(PERSON[role])
            del headers["Idempotency-Key"]
            answer = await call(client, route, headers)
            assert answer.status_code == 400, route.key
            assert answer.json()["type"] == "urn:paigong:problem:idempotency-key-missing"
