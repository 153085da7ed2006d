"""Which travel-time engines this deployment has, best first."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from app.core.settings import Settings
from app.planning.roads import traffic
from routing import (
    Estimate,
    Fallback,
    HourBucket,
    MatrixCache,
    OsrmEmbedded,
    OsrmHttp,
    RoutingEngine,
    Vehicle,
)

log = logging.getLogger(__name__)
OpenEngine = Callable[[], Awaitable[RoutingEngine]]
"""Opens the process's engine, or gives the one that is open."""
BUCKET_MARK = "{bucket}"
"""Stands in `settings.osrm_url` for the hour bucket, where each has a server of its own."""


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[RoutingEngine]:
    """Roads if there are any, the labelled estimate when they fail or when there are none.

    `settings.osrm_url` names servers elsewhere; without it the map that was imported into
    `data_dir/maps` is served by child processes, which start when they are first asked. Must be
    entered in the event loop's own thread.
    """
    maps_dir = settings.data_dir / "maps"
    cache = MatrixCache(maps_dir / "matrices", max_bytes=settings.matrix_cache_bytes)
    async with AsyncExitStack() as stack:
        roads: OsrmHttp | OsrmEmbedded
        if settings.osrm_url is not None:
            roads = OsrmHttp(_servers(settings.osrm_url), traffic(), cache=cache)
        else:
            roads = OsrmEmbedded(
                maps_dir,
                settings.zone,
                vehicle=Vehicle(settings.vehicle),
                cache=cache,
                log=log.warning,
            )
        await stack.enter_async_context(roads)
        yield Fallback([roads, Estimate(traffic())], log=log.warning)


def _servers(url: str) -> str | dict[HourBucket, str]:
    if BUCKET_MARK not in url:
        return url
    return {bucket: url.replace(BUCKET_MARK, bucket.value) for bucket in HourBucket}
