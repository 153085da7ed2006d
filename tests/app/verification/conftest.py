"""One company's morning per worker, and damage that is rolled back after each test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database, PlainSqlSession, sqlalchemy_url
from app.core.settings import Settings
from app.evidence.storage import DiskStorage
from app.verification import Difference, fold
from app.verification.files import check_stored
from tests.app.verification.histories import History, a_morning
from tests.conftest import settings_for
from tests.factories.databases import on
from tests.factories.world import NOW, World

Corrupt = Callable[..., Awaitable[list[Difference]]]


@dataclass(frozen=True)
class Ground:
    """A database with a morning in it, its settings, and what happened."""

    config: Settings
    world: World
    history: History


@pytest.fixture(scope="session")
def built(
    template: tuple[str, str, World],
    application: FastAPI,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ground]:
    """A morning, built once; the tests change it in transactions that are rolled back."""
    assert application
    server, source, world = template
    name = f"paigong_verify_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
    config = settings_for(on(server, name), tmp_path_factory.mktemp("verify"))
    settings.install(config)

    async def build() -> History:
        database = Database(config.database_url)
        async with database.transaction() as session:
            history = await a_morning(session, world)
        await database.close()
        return history

    with clock.frozen(NOW):
        history = asyncio.run(build())
    yield Ground(config, world, history)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def ground(built: Ground) -> Ground:
    """The morning, with its settings installed."""
    settings.install(built.config)
    return built


@pytest.fixture(scope="session")
def engine(built: Ground) -> AsyncEngine:
    """One for all tests, so that statements are compiled once; it keeps no connection."""
    return create_async_engine(sqlalchemy_url(built.config.database_url), poolclass=NullPool)


@pytest.fixture
async def intruder(ground: Ground, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A transaction past every trigger and foreign key, as an owner can have it; undone after."""
    assert ground
    async with PlainSqlSession(engine) as session:
        await session.execute(text("SET session_replication_role = replica"))
        yield session
        await session.rollback()


async def found_by(session: AsyncSession, data_dir: Path) -> list[Difference]:
    """What verify finds, inside a transaction whose damage nobody else may see."""
    folded = await fold(session)
    return folded.differences + check_stored(DiskStorage(data_dir / "evidence"), folded.files)


@pytest.fixture
def corrupt(ground: Ground, intruder: AsyncSession) -> Corrupt:
    """Run statements on one order (`:id`) as the intruder; what verify then finds."""

    async def run(order: str, *statements: str, **values: Any) -> list[Difference]:
        said: Mapping[str, Any] = {"id": ground.history.ids[order], **values}
        for statement in statements:
            names = {name: value for name, value in said.items() if f":{name}" in statement}
            changed: Any = await intruder.execute(text(statement), names)
            assert changed.rowcount > 0, f"changed nothing: {statement}"
        return await found_by(intruder, ground.config.data_dir)

    return run


@pytest.fixture
def kept(ground: Ground) -> list[Path]:
    """The evidence on the disk."""
    found = sorted((ground.config.data_dir / "evidence" / "kept").glob("*/*"))
    assert found
    return found
