"""Roads for the API process: opened when first asked for, closed with the app."""

from asyncio import Lock
from contextlib import AsyncExitStack

from app.core.settings import Settings
from app.planning.engine import open_engine
from routing import RoutingEngine


class EngineOnDemand:
    """Holds one engine per process; most API processes are never asked for roads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._lock = Lock()
        self._engine: RoutingEngine | None = None

    async def opened(self) -> RoutingEngine:
        """The engine; must be called in the event loop's own thread."""
        async with self._lock:
            if self._engine is None:
                self._engine = await self._stack.enter_async_context(open_engine(self._settings))
            return self._engine

    async def close(self) -> None:
        await self._stack.aclose()
        self._engine = None
