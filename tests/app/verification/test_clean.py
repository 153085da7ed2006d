"""What the services wrote is what the other code folds."""

import psycopg
import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.evidence.storage import Storage, storage
from app.verification import files, verify
from tests.app.verification.conftest import Ground

OPEN_TRANSACTIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'"
)


async def test_a_morning_verifies(ground: Ground) -> None:
    database = Database(ground.config.database_url)
    found = await verify(database, storage())
    await database.close()
    assert [str(each) for each in found] == []
    assert len(ground.history.ids) == 24


async def test_an_empty_company_verifies(database: Database, config: Settings) -> None:
    assert await verify(database, storage()) == []


async def test_no_transaction_is_open_while_files_are_hashed(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open snapshot would hold back the feed of every phone for as long as it takes."""
    open_then: list[int] = []
    with psycopg.connect(ground.config.database_url, autocommit=True) as other:

        def look(_store: Storage, _sha256: str) -> None:
            (count,) = other.execute(OPEN_TRANSACTIONS).fetchone() or (None,)
            open_then.append(count)

        monkeypatch.setattr(files, "_read", look)
        database = Database(ground.config.database_url)
        found = await verify(database, storage())
        await database.close()
    assert len(open_then) > 0
    assert set(open_then) == {0}
    assert {each.stored for each in found} == {"no file"}
