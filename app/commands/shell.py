"""What every command does alike: settings, a database, and one sentence when it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from app.core.problems import Problem

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from app.core.db import Database
    from app.core.settings import Settings

console = Console(stderr=True, highlight=False)
STATEMENT_TIMEOUT_S = 600


def refuse(sentence: str, code: int = 1) -> typer.Exit:
    """Tell why, and give the exit to raise."""
    console.print(f"[red]paigong:[/red] {sentence}")
    return typer.Exit(code)


def installed() -> Settings:
    """Settings of the environment, installed with their clock; one sentence when they lack."""
    from app.core import clock, settings
    from app.core.settings import Settings

    try:
        config = Settings()
    except ValueError as error:
        raise refuse(f"the settings are not usable: {error}") from error
    settings.install(config)
    clock.install(config.scaled_clock())
    return config


def with_database[Result](work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Run `work` on the database of the environment; a Problem is told in one sentence."""
    config = installed()
    from app import wiring
    from app.core.db import Database

    wiring.wire()

    async def run() -> Result:
        database = Database(config.database_url, statement_timeout_s=STATEMENT_TIMEOUT_S)
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except Problem as problem:
        body = problem.body("en")
        raise refuse(f"{body['title']}: {body['detail']} {body['action']}.") from problem


def in_transaction[Result](work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Run `work` in one transaction; after a Problem nothing is written."""

    async def once(database: Database) -> Result:
        async with database.transaction() as session:
            return await work(session)

    return with_database(once)
