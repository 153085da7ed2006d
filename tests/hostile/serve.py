"""API and worker as `paigong` runs them, the API if wanted with one fault seeded: for this test."""

import argparse
import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.core import clock, settings
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.identity import auth_routes, tokens
from app.main import create_app
from app.worker import run_worker
from tests.hostile.faults import FAULTS

_NOWHERE = "postgresql://nobody@127.0.0.1/nothing"


def serving() -> Callable[[list[str]], None]:
    """The API's role: its routes are built once, here, and each child opens its own database.

    Building them takes seconds of processor time, and the API is killed often.
    """
    app = create_app(
        Settings(environment=Environment.TEST, database_url=_NOWHERE, secret_key="-" * 32)
    )
    asyncio.run(_ask(app))

    def serve(arguments: list[str]) -> None:
        """The API, until killed."""
        reader = argparse.ArgumentParser()
        reader.add_argument("--port", type=int, required=True)
        reader.add_argument("--sign-in-s", type=float, required=True)
        reader.add_argument("--fault", choices=sorted(FAULTS))
        told = reader.parse_args(arguments)
        life = timedelta(seconds=told.sign_in_s)
        for module in (tokens, auth_routes):
            setattr(module, "ACCESS_LIFETIME", life)  # noqa: B010 - one of them imports it
        if told.fault:
            FAULTS[told.fault]()
        _settle(app, Settings())
        uvicorn.run(app, host="127.0.0.1", port=told.port, log_level="warning")

    return serve


def _settle(app: FastAPI, config: Settings) -> None:
    """Give the app that was built without a database the settings of this run."""
    settings.install(config)
    clock.install(config.scaled_clock())
    app.state.settings = config
    app.state.database = Database(config.database_url)


async def _ask(app: FastAPI) -> None:
    """One request for nothing: routes are prepared when the first is looked up."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/nothing",
        "raw_path": b"/nothing",
        "query_string": b"",
        "headers": [],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        return None

    await app(scope, receive, send)


def work(_arguments: list[str]) -> None:
    """The worker, until killed."""
    asyncio.run(run_worker(Settings()))
