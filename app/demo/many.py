"""Reading many things through the API, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

_AT_ONCE = 8


async def some_at_once[Key, Result](
    keys: Sequence[Key], read: Callable[[Key], Awaitable[Result]]
) -> list[Result]:
    """Read for every key, a few at a time, in order."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(key: Key) -> Result:
        async with gate:
            return await read(key)

    return list(await asyncio.gather(*(one(key) for key in keys)))
