"""The composition root of the API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from app import wiring
from app.core import clock, settings
from app.core.db import Database
from app.core.settings import Settings
from app.web.health import router as health_router
from app.web.limits import BodyLimit
from app.web.openapi import install_openapi
from app.web.problems import install_handlers
from app.web.wire import problem_responses

API = "/api/v1"
ROUTERS = (
    "app.identity.router",
    "app.catalogue.router",
    "app.organisation.router",
    "app.customers.router",
    "app.work_orders.router",
    "app.work_orders.desk_router",
    "app.evidence.router",
    "app.evidence.tus_router",
    "app.completions.router",
    "app.revisits.router",
    "app.payouts.router",
    "app.planning.router",
    "app.notifications.router",
    "app.mobile.router",
)


def create_app(chosen: Settings | None = None) -> FastAPI:
    """The API on `chosen` settings, or on those of the environment."""
    config = chosen or Settings()
    settings.install(config)
    clock.install(config.scaled_clock())
    wiring.wire()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not hasattr(app.state, "database"):
            app.state.database = Database(config.database_url)
        yield
        await app.state.database.close()

    app = FastAPI(
        title="Paigong 派工",
        version="1",
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        openapi_url="/openapi.json",
    )
    app.state.settings = config
    app.add_middleware(
        BodyLimit, max_bytes=config.max_body_bytes, exempt_prefix=f"{API}/evidence/uploads"
    )
    install_handlers(app)
    api = APIRouter(prefix=API, responses=problem_responses(400, 401, 403, 413, 422, 503))
    for name in ROUTERS:
        if find_spec(name) is not None:
            api.include_router(import_module(name).router)
    app.include_router(api)
    app.include_router(health_router)
    install_openapi(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
