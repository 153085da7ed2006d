"""What the services wrote is what the other code folds."""

from app.core.db import Database
from app.core.settings import Settings
from app.verification import verify
from tests.app.verification.conftest import Ground


async def test_a_morning_verifies(ground: Ground) -> None:
    database = Database(ground.config.database_url)
    async with database.transaction() as session:
        found = await verify(session, ground.config.data_dir)
    await database.close()
    assert [str(each) for each in found] == []
    assert len(ground.history.ids) == 17


async def test_an_empty_company_verifies(database: Database, config: Settings) -> None:
    async with database.transaction() as session:
        assert await verify(session, config.data_dir) == []
