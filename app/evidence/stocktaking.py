"""Whether what the database calls verified is on disk, byte for byte."""

import asyncio
from collections import defaultdict
from typing import NamedTuple
from uuid import UUID

from app.core.db import Database
from app.evidence import repository
from app.evidence.storage import store


class StockDifference(NamedTuple):
    """A verified file that cannot be shown any more; `found` is its hash now, None when gone."""

    file_id: UUID
    order_id: UUID
    sha256: str
    found: str | None


async def stock_differences(database: Database) -> list[StockDifference]:
    """Every verified file whose bytes are missing or changed; hashes outside any transaction."""
    async with database.transaction() as session:
        files = await repository.verified(session)
    by_hash = defaultdict(list)
    for file in files:
        by_hash[file.sha256].append(file)
    differing = []
    for sha256, same in sorted(by_hash.items()):
        found = await asyncio.to_thread(store().kept_hash, sha256)
        if found != sha256:
            differing += [StockDifference(each.id, each.order_id, sha256, found) for each in same]
    return differing
