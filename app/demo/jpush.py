"""A stand-in for JPush's REST API v3, beside the one for FCM and with the same scripts.

`POST /v3/push` to one registration id, with the documented error codes; what arrives is read at
`/phones/{registration_id}/messages`.
"""

import asyncio
import base64
import binascii
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.demo.post import LONGEST_WAIT_S, UNANSWERED, Failure, post_of

APP_KEY = "paigong-demo-app"
MASTER_SECRET = "paigong-demo-master"
ANSWERS: dict[str, tuple[int, int, str]] = {
    "unregistered": (400, 1011, "cannot find user by this audience"),
    "sender_mismatch": (400, 1011, "cannot find user by this audience"),
    "quota": (429, 2002, "Request times of the app_key exceed the limit of current time window"),
    "unavailable": (503, 1030, "Server timeout, please try again later"),
    "taken": (503, 1030, "Server timeout, please try again later"),
    "internal": (500, 1000, "Internal error"),
    "invalid": (400, 1003, "Parameter value is invalid"),
    "third_party_auth": (401, 1004, "Authen failed"),
    "denied": (401, 1004, "Authen failed"),
    "silent": (503, 1030, "Server timeout, please try again later"),
    "unanswered": (503, 1030, "Server timeout, please try again later"),
}
"""Scripted failure -> HTTP status, error code, message."""


def _error(status: int, code: int, message: str, **headers: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


async def _answer(failure: Failure) -> JSONResponse:
    if failure.name in UNANSWERED:
        await asyncio.sleep(LONGEST_WAIT_S)
    status, code, message = ANSWERS[failure.name]
    headers = {}
    if status == 429:
        reset_s = str(failure.retry_after_s or 60)
        headers = {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0"}
        headers["X-Rate-Limit-Reset"] = reset_s
    return _error(status, code, message, **headers)


def _signed_in(request: Request) -> bool:
    told = request.headers.get("authorization", "").removeprefix("Basic ")
    try:
        return base64.b64decode(told, validate=True).decode() == f"{APP_KEY}:{MASTER_SECRET}"
    except (binascii.Error, UnicodeDecodeError):
        return False


def _invalid(body: Any) -> str | None:
    if not isinstance(body, dict) or not {"platform", "audience"} <= body.keys():
        return "platform and audience are required"
    if not body.keys() & {"notification", "message"}:
        return "notification or message is required"
    ids = body["audience"].get("registration_id") if isinstance(body["audience"], dict) else None
    if not isinstance(ids, list) or len(ids) != 1:
        return "this stand-in takes one registration_id"
    return None


async def push(request: Request) -> JSONResponse:
    """`POST /v3/push`."""
    post = post_of(request)
    if not _signed_in(request):
        return _error(401, 1004, "Authen failed")
    post.counts["jpush:asked"] += 1
    body = await request.json()
    if why := _invalid(body):
        return _error(400, 1003, why)
    registration_id = body["audience"]["registration_id"][0]
    told = {"data": body.get("message", {}).get("extras", {})}
    if failure := await post.judge(registration_id, told):
        return await _answer(failure)
    post.counts["jpush:accepted"] += 1
    return JSONResponse({"sendno": "0", "msg_id": str(post.counts["jpush:accepted"])})


def routes() -> list[Route]:
    """What it answers to."""
    return [Route("/v3/push", push, methods=["POST"])]
