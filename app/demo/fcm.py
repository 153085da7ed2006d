"""A stand-in for Firebase Cloud Messaging, run as a process of its own in demo and tests.

The same process stands in for JPush and for the company's text and call gateway: see `jpush` and
`text_gateway` beside this. What can go wrong is scripted alike for all of them.

`python -m app.demo.fcm --port P [--loss 0..1]` serves what the real SDK asks for (the OAuth token
and `messages:send`), keeps what was sent per phone, and can be told to misbehave:

- `GET /phones/{token}/messages?after=N&wait_s=S`: messages numbered above N, waiting up to S.
- `PUT /script/{token}`: how the next sends to this token (`*`: to any) are answered.
- `GET /calls`: when each send was asked for, and its data, for measurements of how long they took.
- `GET /counts`: tokens issued, sends asked, accepted, lost, and answers by failure.
"""

import argparse
import asyncio
import contextlib
import random
import secrets
from typing import Any
from urllib.parse import parse_qs

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.core import clock
from app.demo import jpush, text_gateway
from app.demo.post import FAILURES, LONGEST_WAIT_S, UNANSWERED, Failure, Post, post_of

TOKEN_LIFE_S = 3600

ANSWERS: dict[str, tuple[int, str, str | None]] = {
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED"),
    "sender_mismatch": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    "quota": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    "unavailable": (503, "UNAVAILABLE", "UNAVAILABLE"),
    "internal": (500, "INTERNAL", "INTERNAL"),
    "invalid": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    "third_party_auth": (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
    "denied": (403, "PERMISSION_DENIED", None),
    "silent": (503, "UNAVAILABLE", None),
    "taken": (503, "UNAVAILABLE", "UNAVAILABLE"),
    "unanswered": (503, "UNAVAILABLE", None),
}
"""Name -> HTTP status, platform status, FCM error code."""


def _error(code: int, status: str, detail: str | None, message: str) -> dict[str, Any]:
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if detail is not None:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        body["details"] = [{"@type": kind, "errorCode": detail}]
    return {"error": body}


async def _answer(failure: Failure) -> JSONResponse:
    code, status, detail = ANSWERS[failure.name]
    if failure.name in UNANSWERED:
        await asyncio.sleep(LONGEST_WAIT_S)
    headers = {} if failure.retry_after_s is None else {"Retry-After": str(failure.retry_after_s)}
    return JSONResponse(_error(code, status, detail, f"scripted: {failure.name}"), code, headers)


async def issue_token(request: Request) -> JSONResponse:
    """OAuth 2.0 JWT bearer grant (RFC 7523); the assertion must be an RS256 JWT for this URL."""
    form = parse_qs((await request.body()).decode())
    try:
        assertion = form["assertion"][0]
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False, "verify_aud": False})
        if header["alg"] != "RS256" or "auth/firebase" not in claims["scope"]:
            raise KeyError("scope")
    except (KeyError, jwt.PyJWTError):
        return JSONResponse({"error": "invalid_grant"}, 400)
    post = post_of(request)
    bearer = secrets.token_urlsafe(24)
    post.bearers[bearer] = clock.monotonic() + TOKEN_LIFE_S
    post.counts["tokens"] += 1
    return JSONResponse(
        {"access_token": bearer, "expires_in": TOKEN_LIFE_S, "token_type": "Bearer"}
    )


def _invalid(message: Any) -> str | None:
    """Why FCM would answer 400, or None."""
    if not isinstance(message, dict):
        return "message is missing"
    targets = [name for name in ("fid", "token", "topic", "condition") if message.get(name)]
    if len(targets) != 1:
        return "exactly one target is required"
    data = message.get("data", {})
    if not all(isinstance(part, str) for pair in data.items() for part in pair):
        return "data must map strings to strings"
    return None


async def send(request: Request) -> JSONResponse:
    """`POST /v1/projects/{project}/messages:send`."""
    post = post_of(request)
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    if post.bearers.get(bearer, 0.0) < clock.monotonic():
        return JSONResponse(_error(401, "UNAUTHENTICATED", None, "no such access token"), 401)
    post.counts["asked"] += 1
    called_at = clock.real_now().isoformat()
    message = (await request.json()).get("message")
    if why := _invalid(message):
        post.counts["failed:invalid"] += 1
        return JSONResponse(_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", why), 400)
    post.calls.append({"at": called_at, "data": message.get("data", {})})
    token = message.get("fid") or message.get("token")
    if failure := await post.judge(token, message):
        return await _answer(failure)
    name = f"projects/{request.path_params['project']}/messages/{post.counts['accepted']}"
    return JSONResponse({"name": name})


async def read_messages(request: Request) -> JSONResponse:
    """What arrived at a phone; waits for the first message above `after`."""
    post = post_of(request)
    box = post.mailboxes[request.path_params["token"]]
    after = int(request.query_params.get("after", 0))
    wait_s = min(float(request.query_params.get("wait_s", 0)), LONGEST_WAIT_S)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s), post.arrived:
            await post.arrived.wait_for(lambda: len(box) > after)
    return JSONResponse({"messages": box[after:], "next": len(box)})


async def write_script(request: Request) -> JSONResponse:
    """Body `{"failure", "times"?, "retry_after_s"?}`; without `times` until `failure` is null."""
    post, order = post_of(request), await request.json()
    token = request.path_params["token"]
    post.scripts[token].clear()
    post.standing.pop(token, None)
    if order["failure"] is not None:
        if order["failure"] not in FAILURES:
            return JSONResponse({"known": sorted(FAILURES)}, 422)
        failure = Failure(order["failure"], order.get("retry_after_s"))
        if "times" in order:
            post.scripts[token].extend([failure] * order["times"])
        else:
            post.standing[token] = failure
    return JSONResponse({"token": token})


async def read_calls(request: Request) -> JSONResponse:
    """Every valid send since the start, in order: when it was asked for (real UTC), its data."""
    return JSONResponse({"calls": post_of(request).calls})


async def read_counts(request: Request) -> JSONResponse:
    """What happened so far."""
    return JSONResponse(dict(post_of(request).counts))


def create_fake(*, loss: float = 0.0, seed: int = 0) -> Starlette:
    """The ASGI app; `loss` is the share of accepted messages that never arrive."""
    app = Starlette(
        routes=[
            Route("/token", issue_token, methods=["POST"]),
            Route("/v1/projects/{project}/messages:send", send, methods=["POST"]),
            Route("/phones/{token}/messages", read_messages),
            Route("/script/{token}", write_script, methods=["PUT"]),
            Route("/calls", read_calls),
            Route("/counts", read_counts),
            *jpush.routes(),
            *text_gateway.routes(),
        ]
    )
    app.state.post = Post(loss=loss, chance=random.Random(seed))
    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m app.demo.fcm")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loss", type=float, default=0.0, help="share of messages lost, 0..1")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if not 0 <= chosen.loss <= 1:
        parser.error("--loss must be between 0 and 1")
    uvicorn.run(
        create_fake(loss=chosen.loss, seed=chosen.seed),
        host=chosen.host,
        port=chosen.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
