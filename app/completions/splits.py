"""How a crew shares that names no shares: what the rate card says, which lies in a room above."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.policy import LEADER_SHARE

Source = Callable[[AsyncSession, datetime], Awaitable[Decimal]]
"""The leader's part for work that is done at an instant."""
_sources: list[Source] = []


def taken_from(source: Source) -> None:
    """Ask `source` from now on; `app/wiring.py` says whom."""
    _sources[:] = [source]


async def leader_share(session: AsyncSession, at: datetime) -> Decimal:
    """The leader's part where no shares are named, 0 to 1; DOMAIN 5.4's without a source."""
    return await _sources[0](session, at) if _sources else LEADER_SHARE
