"""The composition root of the API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from app import wiring
from app.board.router import router as board
from app.catalogue.router import router as catalogue
from app.completions.router import router as completions
from app.core import clock, memory, settings
from app.core.db import Database
from app.core.settings import Settings
from app.customers.router import router as customers
from app.evidence.router import router as evidence
from app.evidence.tus import MethodOverride
from app.evidence.tus_router import router as tus
from app.identity.limits import PhoneLimits
from app.identity.router import router as identity
from app.mobile.desk_router import router as phones
from app.mobile.router import router as mobile
from app.notifications.customer_limits import PublicLimits
from app.notifications.customer_router import router as customer_messages
from app.notifications.ladder_router import router as ladders
from app.notifications.router import router as notifications
from app.organisation.router import router as organisation
from app.payouts.rework_router import router as reworks
from app.payouts.router import router as payouts
from app.planning.router import router as planning
from app.revisits.router import router as revisits
from app.stream.hub import HubOnDemand
from app.stream.router import router as stream
from app.telemetry.router import router as telemetry
from app.travel.engine import EngineOnDemand
from app.travel.router import router as travel
from app.web.encoding import Encoding
from app.web.health import router as health_router
from app.web.limits import BodyLimit, CountedBodies
from app.web.openapi import install_openapi
from app.web.problems import install_handlers
from app.web.proxies import trust_proxies
from app.web.wire import problem_responses
from app.webhooks.router import router as webhooks
from app.work_orders.desk_router import router as desk
from app.work_orders.duty_router import router as duties
from app.work_orders.router import router as work_orders

API = "/api/v1"
ROUTERS = (
    identity,
    catalogue,
    organisation,
    customers,
    work_orders,
    desk,
    duties,
    evidence,
    tus,
    completions,
    revisits,
    reworks,
    payouts,
    planning,
    travel,
    notifications,
    customer_messages,
    ladders,
    mobile,
    board,
    stream,
    webhooks,
    phones,
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
        memory.settle()
        yield
        await app.state.stream.close()
        await app.state.engine.close()
        await app.state.database.close()

    app = FastAPI(
        title="Paigong 派工",
        version="1",
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        openapi_url="/openapi.json",
    )
    app.state.settings = config
    app.state.engine = EngineOnDemand(config)
    app.state.public_limits = PublicLimits()
    app.state.phone_limits = PhoneLimits(config)
    app.state.stream = HubOnDemand()
    app.add_middleware(CountedBodies)
    app.add_middleware(Encoding, tagged=(f"{API}/catalogue/",))
    app.add_middleware(
        BodyLimit, max_bytes=config.max_body_bytes, exempt_prefix=f"{API}/evidence/uploads"
    )
    app.add_middleware(MethodOverride, prefix=f"{API}/evidence/uploads/")
    trust_proxies(app, config.trusted_proxies)
    install_handlers(app)
    api = APIRouter(prefix=API, responses=problem_responses(400, 401, 403, 413, 422, 429, 503))
    for router in ROUTERS:
        api.include_router(router)
    app.include_router(api)
    app.include_router(health_router)
    app.include_router(telemetry)
    install_openapi(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
