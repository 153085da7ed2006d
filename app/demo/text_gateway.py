"""A stand-in for a company's gateway of texts and calls, with the same scripts as the push servers.

It keeps what it sent under the sender's key, so that the same key again sends nothing. Texts are
read at `/phones/{number}/messages`; `TOKEN` is what it lets in.
"""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.demo.post import ARRIVED, LONGEST_WAIT_S, UNANSWERED, Failure, post_of

TOKEN = "paigong-demo-gateway"
STATUS = {"quota": 429, "unregistered": 422, "invalid": 400, "denied": 403}
"""Scripted failure -> HTTP status; any other is 503."""


async def _answer(failure: Failure) -> JSONResponse:
    if failure.name in UNANSWERED:
        await asyncio.sleep(LONGEST_WAIT_S)
    code = "no_such_number" if failure.name == "unregistered" else failure.name
    headers = {} if failure.retry_after_s is None else {"Retry-After": str(failure.retry_after_s)}
    return JSONResponse({"code": code}, STATUS.get(failure.name, 503), headers)


def _may(request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {TOKEN}"


async def send(request: Request) -> JSONResponse:
    """`POST /messages`."""
    post, key = post_of(request), request.headers.get("idempotency-key")
    if not _may(request):
        return JSONResponse({"code": "denied"}, 401)
    body = await request.json()
    if not key or not {"channel", "to", "template", "text"} <= body.keys():
        return JSONResponse({"code": "invalid"}, 400)
    known = post.by_key.get(key)
    if known is not None:
        return JSONResponse({"id": known})
    post.counts[f"{body['channel']}:asked"] += 1
    told = {"data": {name: body[name] for name in ("channel", "template", "text", "values")}}
    failure = await post.judge(body["to"], told)
    if failure is None or failure.name in ARRIVED:
        post.by_key[key] = f"text-{len(post.by_key) + 1}"
        post.counts[f"{body['channel']}:sent"] += 1
    if failure is not None:
        return await _answer(failure)
    return JSONResponse({"id": post.by_key[key]}, 202)


async def find(request: Request) -> JSONResponse:
    """`GET /messages/{key}`."""
    if not _may(request):
        return JSONResponse({"code": "denied"}, 401)
    known = post_of(request).by_key.get(request.path_params["key"])
    return JSONResponse({"id": known}) if known else JSONResponse({"code": "unknown"}, 404)


def write_channels(path: Path, url: str) -> None:
    """A file of channels whose texts and calls go through this gateway at `url`."""
    gateway = f'by = "gateway"\nurl = "{url}"\ntoken = "{TOKEN}"\n'
    path.write_text(f"[sms]\n{gateway}[voice]\n{gateway}", "utf-8")


def routes() -> list[Route]:
    """What it answers to."""
    return [
        Route("/messages", send, methods=["POST"]),
        Route("/messages/{key:path}", find, methods=["GET"]),
    ]
