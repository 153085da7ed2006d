"""What the database refuses, as clients are told it; and who left in the middle of a word."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import text

from app.core.db import Database
from app.web.problems import install_handlers

STRANGER = (
    "INSERT INTO occupancies (id, customer_id, premises_id)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid())"
)
TWICE = (
    "INSERT INTO communities (id, name, district)"
    " SELECT gen_random_uuid(), name, district FROM communities"
)
NOTHING = "UPDATE communities SET name = NULL"


class TestRefusedRows:
    @pytest.mark.parametrize(
        ("statement", "status", "type_"),
        [(STRANGER, 409, "conflict"), (TWICE, 409, "conflict"), (NOTHING, 500, "unexpected")],
    )
    async def test_a_conflict_is_told_from_our_own_mistake(
        self, database: Database, statement: str, status: int, type_: str
    ) -> None:
        app = FastAPI()
        install_handlers(app)

        @app.get("/write")
        async def write() -> None:
            async with database.transaction() as session:
                await session.execute(text(statement))

        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.get("/write")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:paigong:problem:{type_}"


async def test_a_line_torn_in_a_body_is_no_unexpected_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = FastAPI()
    install_handlers(app)

    @app.post("/say")
    async def say(request: Request) -> None:
        await request.body()

    heard: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b'{"comm', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(heard)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/say",
        "raw_path": b"/say",
        "query_string": b"",
        "headers": [],
    }
    with caplog.at_level(logging.ERROR):
        await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert not caplog.records
