"""Which travel-time engines this deployment has, best first."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from app.core.settings import Settings
from app.planning.roads import traffic
from routing import (
    Estimate,
    Fallback,
    OsrmHttp,
    OsrmServer,
    OsrmToolsMissing,
    RoutingEngine,
    RoutingError,
    current_map,
)

log = logging.getLogger(__name__)
OUR_BLOCK = 300
"""Places per table that our own osrm-routed takes."""


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[RoutingEngine]:
    """Roads if there are any, the labelled estimate when they fail or when there are none.

    `settings.osrm_url` names a server elsewhere; without it the map that was imported into
    `data_dir/maps` is served by a child process. Must be entered in the event loop's own thread.
    """
    async with AsyncExitStack() as stack:
        roads = await _roads(settings, stack)
        guess = Estimate(traffic())
        yield Fallback([roads, guess] if roads else [guess])


async def _roads(settings: Settings, stack: AsyncExitStack) -> RoutingEngine | None:
    if settings.osrm_url is not None:
        version = await _version_of(settings.osrm_url)
        return await stack.enter_async_context(OsrmHttp(settings.osrm_url, version, traffic()))
    imported = current_map(settings.data_dir / "maps")
    if imported is None:
        log.warning("no map is imported: travel times are estimates")
        return None
    try:
        server = await stack.enter_async_context(OsrmServer(imported.version_dir, log=log.warning))
    except (RoutingError, OsrmToolsMissing, OSError) as error:
        log.error("ALERT the imported map is not served, travel times are estimates: %s", error)
        return None
    return await stack.enter_async_context(
        OsrmHttp(server.base_url, server.graph_version, traffic(), block=OUR_BLOCK)
    )


async def _version_of(url: str) -> str:
    """What the server elsewhere calls its map; a stock server names none."""
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=5) as client:
            body = (await client.get("/nearest/v1/driving/0,0")).json()
        return str(body.get("data_version", "external"))
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        log.error("ALERT osrm at %s does not answer: %s", url, error)
        return "external"
