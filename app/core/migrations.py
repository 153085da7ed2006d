"""Running Alembic from code, so that no ini file must be found."""

from pathlib import Path

from alembic import command
from alembic.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "migrations"


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str) -> None:
    """Bring the schema to the newest revision; needs the owner's URL."""
    command.upgrade(_config(database_url), "head")


def check(database_url: str) -> None:
    """Raise alembic's CommandError when the models say more than the migrations."""
    command.check(_config(database_url))


def revise(database_url: str, message: str) -> None:
    """Write a new revision with what the models say beyond the migrations."""
    command.revision(_config(database_url), message=message, autogenerate=True)
