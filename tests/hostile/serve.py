"""API and worker as `paigong` runs them, the API if wanted with one fault seeded: for this test."""

import argparse
import asyncio
from datetime import timedelta

import uvicorn

from app.core.settings import Settings
from app.identity import auth_routes, tokens
from app.main import create_app
from app.worker import run_worker
from tests.hostile.faults import FAULTS


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
    uvicorn.run(create_app(Settings()), host="127.0.0.1", port=told.port, log_level="warning")


def work(_arguments: list[str]) -> None:
    """The worker, until killed."""
    asyncio.run(run_worker(Settings()))
