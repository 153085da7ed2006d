"""Answers with a secret that is shown once and never stored, not even for a replay."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from app.web.transactions import TransactionalRoute


def show_once(request: Request, **secrets: str) -> None:
    """Put these members into the answer after it was stored without them."""
    request.state.shown_once = secrets


class ShownOnceRoute(TransactionalRoute):
    """The stored answer keeps null where the secret stood, so a replay says: not again.

    The secret joins the answer after the commit; it passes through no table.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        stored = super().get_route_handler()

        async def handle(request: Request) -> Response:
            response = await stored(request)
            secrets: dict[str, str] | None = getattr(request.state, "shown_once", None)
            if secrets is None:
                return response
            body = json.loads(bytes(response.body))
            return JSONResponse(
                body | secrets,
                status_code=response.status_code,
                headers={"Cache-Control": "no-store"},
            )

        return handle
