"""Idempotency keys: the same key and body replays the stored answer, another body is refused."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, sql
from app.core.columns import Instant, Json
from app.core.i18n import Text
from app.core.problems import Problem

KEY_HEADER = "Idempotency-Key"
KEPT_DAYS = 30


class IdempotentAnswer(SQLModel, table=True):
    """The answer to one keyed request; a 5xx is never stored, a refusal rolls its claim back."""

    __tablename__ = "idempotent_answers"

    principal_id: UUID = Field(primary_key=True)
    route: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    status: int | None = None
    body: dict[str, Any] | list[Any] | None = Field(default=None, sa_type=Json)
    created_at: datetime = Field(sa_type=Instant, index=True)


class IdempotencyKeyMissing(Problem):
    """A write came without its key."""

    status = 400
    type = "idempotency-key-missing"
    title = Text("缺少 Idempotency-Key", "The Idempotency-Key header is missing")
    action = Text(
        "请为每次提交生成一个 UUID 放入 Idempotency-Key，重试时保持不变",
        "Send a new UUID in Idempotency-Key per submission and keep it when you retry",
    )


class IdempotencyKeyReused(Problem):
    """One key, two different requests."""

    status = 409
    type = "idempotency-key-reused"
    title = Text(
        "Idempotency-Key 已用于另一请求", "This Idempotency-Key belongs to another request"
    )
    action = Text("请为新的内容使用新的键", "Use a new key for a new request")


class StoredAnswer(Exception):
    """Not an error: the request was answered before, and this is that answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"stored answer {status}")
        self.status = status
        self.body = body


async def claim_key(
    request: Request,
    session: AsyncSession,
    principal_id: UUID,
    route: str,
    key: str | None,
    request_hash: str,
) -> None:
    """Insert the claim, waiting for a twin in flight; raises StoredAnswer or a Problem."""
    if not key or len(key) > 100 or not key.isprintable() or not key.isascii():
        raise IdempotencyKeyMissing()
    claimed = await sql.first(
        session,
        "INSERT INTO idempotent_answers (principal_id, route, key, request_hash,"
        " created_at) VALUES (:p, :r, :k, :h, :at) ON CONFLICT DO NOTHING RETURNING key",
        {"p": principal_id, "r": route, "k": key, "h": request_hash, "at": clock.real_now()},
    )
    if claimed:
        request.state.claimed = (principal_id, route, key)
        return
    stored = (
        await session.execute(
            text(
                "SELECT request_hash, status, body FROM idempotent_answers"
                " WHERE principal_id = :p AND route = :r AND key = :k"
            ),
            {"p": principal_id, "r": route, "k": key},
        )
    ).one()
    if stored.request_hash != request_hash:
        raise IdempotencyKeyReused()
    raise StoredAnswer(stored.status, stored.body)


async def store_answer(request: Request, session: AsyncSession, response: Response) -> None:
    """Keep the answer of a claimed request, inside the transaction that did the work."""
    claimed = getattr(request.state, "claimed", None)
    if claimed is None or response.status_code >= 500:
        return
    principal_id, route, key = claimed
    await sql.rows(
        session,
        "UPDATE idempotent_answers SET status = :status, body = cast(:body AS jsonb)"
        " WHERE principal_id = :p AND route = :r AND key = :k",
        {
            "status": response.status_code,
            "body": bytes(response.body).decode() if response.body else None,
            "p": principal_id,
            "r": route,
            "k": key,
        },
    )


async def replay(_request: Request, stored: Exception) -> Response:
    """Exception handler: the stored answer, marked as a replay."""
    assert isinstance(stored, StoredAnswer)
    headers = {"Idempotent-Replay": "true"}
    if stored.body is None:
        return Response(status_code=stored.status, headers=headers)
    return JSONResponse(stored.body, status_code=stored.status, headers=headers)
