"""Every refusal leaves as `application/problem+json`, known or unknown."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.core.db import is_passing
from app.core.i18n import Text, preferred
from app.core.ids import new_id
from app.core.problems import Busy, InvalidInput, Problem, Unexpected
from app.web.idempotency import StoredAnswer, replay

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class Conflict(Problem):
    """The database refused a second of what may be once, or a reference to what is not there."""

    status = 409
    type = "conflict"
    title = Text(
        "内容已存在，或引用了不存在的内容", "It is there already, or refers to what does not exist"
    )
    action = Text("请重新读取相关内容后再提交", "Read what it refers to again and repeat it")


class _Http(Problem):
    type = "http"
    title = Text("请求无法处理", "The request cannot be handled")
    action = Text(
        "请核对地址、方法与内容类型", "Check the address, the method and the content type"
    )


def problem_response(problem: Problem, request: Request, status: int | None = None) -> JSONResponse:
    """The wire form of a problem in the reader's language."""
    language = preferred(request.headers.get("accept-language"))
    body = problem.body(language)
    if status is not None:
        body["status"] = status
    return JSONResponse(
        body,
        status_code=status or problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return problem_response(error, request)


def _safe_error(error: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": [str(part) for part in error["loc"]], "why": error["msg"], "code": error["type"]}


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problem = InvalidInput(errors=[_safe_error(each) for each in error.errors()[:20]])
    return problem_response(problem, request)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    response = problem_response(_Http(str(error.detail)), request, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error.orig, psycopg.DataError) and "NUL" in str(error.orig):
        state = "22021"  # psycopg refuses it before the server can name a state
    if is_passing(error):  # a lock, or a database that is down and coming up again
        log.warning("the database keeps us waiting", exc_info=error)
        return problem_response(Busy(), request)
    if state in {"22021", "22P05"}:  # a character that the database cannot store
        return problem_response(
            InvalidInput("the text holds characters that cannot be stored"), request
        )
    if state in {"23503", "23505", "23P01"}:  # foreign key, unique, exclusion
        log.warning("the database refused a row", exc_info=error)
        return problem_response(Conflict(), request)
    return await _unexpected(request, error)


async def _busy(request: Request, error: Exception) -> JSONResponse:
    """Every connection to the database is taken: the same request may well succeed in a moment."""
    log.warning("no connection to the database is free", exc_info=error)
    return problem_response(Busy(), request)


async def _left(_request: Request, _error: Exception) -> Response:
    """The line was torn in the middle of a body: no mistake of ours; nobody hears the answer."""
    return Response(status_code=400)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    trace_id = str(new_id())
    log.error("unexpected error, trace_id=%s", trace_id, exc_info=error)
    return problem_response(Unexpected(trace_id=trace_id), request)


def install_handlers(app: FastAPI) -> None:
    """Register the handlers, so that nothing leaves in another shape."""
    app.add_exception_handler(Problem, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(PoolTimeout, _busy)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(StoredAnswer, replay)
    app.add_exception_handler(Exception, _unexpected)
