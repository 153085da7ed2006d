"""How tests are shared out, and a real PostGIS per worker that each test finds as it was built."""

import asyncio
import gc
import importlib
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, memory, migrations, settings
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.main import create_app
from app.provision import ensure_database
from tests.factories.databases import Stock, on
from tests.factories.world import NOW, World, access_token, build_world

Headers = Callable[[str], dict[str, str]]


TESTS = Path(__file__).parent
LONGEST = ("test_small_day.py", "test_hostile.py", "test_schema.py")
"""Each takes a minute or more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, each on a worker of its own: others work while they wait.

    xdist begins with giving every worker an equal part of the list, and moves only ends of parts.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = sorted(
        (item for item in items if item.path.name in LONGEST),
        key=lambda item: LONGEST.index(item.path.name),
    )
    rest = [item for item in items if item.path.name not in LONGEST]
    left = len(items)
    items.clear()
    for worker in range(workers):
        size = left // (workers - worker)
        part = long[worker::workers]
        others = max(0, size - len(part))
        items += part + rest[:others]
        del rest[:others]
        left -= size
    items += rest


_failed: dict[Path, Exception] = {}
"""Test modules that could not be imported ahead, and why."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without looking for garbage: what is imported stays, and is never looked through."""
    gc.disable()
    try:
        if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            _import_tests()
        return (yield)
    finally:
        memory.settle()
        gc.enable()


def _import_tests() -> None:
    """Import all tests when all are wanted, every worker beginning with another part of them.

    pytest rewrites a module's assertions at its first import, which costs more than all else that
    is done before the first test, and keeps what it wrote where Python may keep bytecode. Workers
    in step would each rewrite all; so each rewrites a part, and finds what others wrote.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not worker.isdigit():
        return
    files = sorted(TESTS.rglob("test_*.py"))
    first = int(worker) * len(files) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for file in files[first:] + files[:first]:
        name = ".".join(file.relative_to(TESTS.parent).with_suffix("").parts)
        try:
            importlib.import_module(name)
        except pytest.skip.Exception:
            continue
        except Exception as error:  # told when the module is collected
            _failed[file] = error


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that fails at its first import alone has failed."""
    report = yield
    if isinstance(collector, pytest.Module) and report.passed and collector.path in _failed:
        report.outcome = "failed"
        report.longrepr = f"{collector.path} at its first import: {_failed[collector.path]!r}"
    return report


def _server_url() -> str:
    return os.environ.get("DATABASE_URL") or ensure_database("paigong_tests", throwaway=True)


def settings_for(url: str, data_dir: Path) -> Settings:
    """Test settings on one database; nothing is read from the environment but what is given."""
    return Settings(
        environment=Environment.TEST,
        DATABASE_URL=url,
        secret_key="a test secret of more than 32 characters",
        data_dir=data_dir,
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, World]]:
    """(server URL, template's name, its world): migrated once per worker."""
    server = _server_url()
    name = f"paigong_template_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = on(server, name)
    migrations.upgrade(url)
    settings.install(settings_for(url, tmp_path_factory.mktemp("data")))

    async def build() -> World:
        database = Database(url)
        with clock.frozen(NOW):
            async with database.transaction() as session:
                world = await build_world(session)
        await database.close()
        return world

    world = asyncio.run(build())
    Stock.prepare(url)
    yield server, name, world
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def stock(template: tuple[str, str, World]) -> Iterator[Stock]:
    """This worker's database."""
    made = Stock(template[0], template[1])
    yield made
    made.drop()


@pytest.fixture
def database_url(stock: Stock) -> Iterator[str]:
    """A database like the template for this test alone; business time stands at NOW."""
    url = stock.take()
    with clock.frozen(NOW):
        yield url
    stock.give_back()


@pytest.fixture
def world(template: tuple[str, str, World]) -> World:
    """Who and what the template holds, by name."""
    return template[2]


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Settings:
    chosen = settings_for(database_url, tmp_path)
    settings.install(chosen)
    return chosen


@pytest.fixture(scope="session")
def engines() -> dict[str, Database]:
    """One per database of this worker, so that each statement is compiled once, not per test."""
    return {}


@pytest.fixture
async def database(config: Settings, engines: dict[str, Database]) -> AsyncIterator[Database]:
    """Without a connection at the start and at the end: they belong to a test's event loop."""
    url = config.database_url
    made = engines.setdefault(url, Database(url, pool_size=5))
    yield made
    await made.close()


@pytest.fixture
async def session(app: FastAPI, database: Database) -> AsyncIterator[AsyncSession]:
    """A session that commits when the test ends well; call `commit()` to show work earlier."""
    async with database.transaction() as opened:
        yield opened


@pytest.fixture(scope="session")
def application(template: tuple[str, str, World]) -> FastAPI:
    """The app, built once per worker: routes cost half a second, a database clone a tenth."""
    assert template
    return create_app(settings.current())


@pytest.fixture
def app(application: FastAPI, config: Settings, database: Database) -> FastAPI:
    """The app on this test's own settings and database."""
    application.state.settings = config
    application.state.database = database
    return application


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The API without a network; answers 500 instead of raising, as a server would."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test/api/v1", timeout=30
    ) as made:
        yield made


@pytest.fixture
def as_(config: Settings, world: World) -> Headers:
    """Headers of a signed-in person with a fresh Idempotency-Key: `as_("agent")`."""
    assert config.environment is Environment.TEST

    def headers(username: str) -> dict[str, str]:
        token = access_token(world, username)
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}

    return headers
