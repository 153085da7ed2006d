"""Commands about the shape of things: migrations, a restored database, the OpenAPI document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.shell import console, in_transaction, installed, refuse

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

schema = typer.Typer()
SPEC = Path(__file__).resolve().parents[2] / "openapi" / "openapi.json"


@schema.command()
def migrate() -> None:
    """Bring the schema to the newest revision and load the shipped catalogue where it lacks."""
    from app.catalogue.load import load_defaults
    from app.core import migrations
    from app.notifications.ladders import load_default_ladders
    from app.payouts.load import load_default_rate_card

    migrations.upgrade(installed().database_url)

    async def load(session: AsyncSession) -> None:
        await load_defaults(session)
        await load_default_rate_card(session)
        await load_default_ladders(session)

    in_transaction(load)


@schema.command()
def restored() -> None:
    """Say, once after a restore from a backup, that phones and screens must read all anew."""
    from app.core.feed import begin_epoch

    epoch = begin_epoch(installed().database_url)
    console.print(f"new epoch {epoch}: the next sync of every phone is a full one")


@schema.command()
def openapi(
    check: Annotated[bool, typer.Option(help="Compare only; fail when they differ.")] = False,
) -> None:
    """Write the OpenAPI document and the catalogue of problems, or compare them."""
    from app.spec import documents

    stale = []
    for path, text in documents(SPEC.parent).items():
        if check and (not path.exists() or path.read_text("utf-8") != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text, "utf-8")
    if stale:
        raise refuse(f"{', '.join(stale)} is not what the code says: run `make openapi`")


def _scratch_database() -> str:
    from app.provision import ensure_database

    return ensure_database("paigong_migrations", throwaway=True, fresh=True)


@schema.command("check-migrations")
def check_migrations() -> None:
    """Migrate an empty scratch database and compare it with the models."""
    from alembic.util import CommandError

    from app.core import migrations

    url = _scratch_database()
    migrations.upgrade(url)
    try:
        migrations.check(url)
    except CommandError as error:
        raise refuse(f"the models say more than the migrations: {error}") from error


@schema.command("make-migration")
def make_migration(message: str) -> None:
    """Write a revision with what the models say beyond the migrations."""
    from app.core import migrations

    url = _scratch_database()
    migrations.upgrade(url)
    migrations.revise(url, message)
