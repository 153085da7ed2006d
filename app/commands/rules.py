"""`paigong import ladders | policy`: a company's own dated rules beside the shipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from app.commands.shell import console, in_transaction, refuse

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession


rules = typer.Typer()


def _text(file: Path) -> str:
    if not file.is_file():
        raise refuse(f"there is no file {file}")
    return file.read_text("utf-8")


@rules.command()
def ladders(file: Path) -> None:
    """Notification ladders (TOML, as the shipped file): in force from the day that it names."""
    from app.notifications.ladders import load

    text = _text(file)

    async def add(session: AsyncSession) -> int:
        return await load(session, text)

    console.print(f"{file.name}: {in_transaction(add)} new ladders")


@rules.command()
def policy(file: Path) -> None:
    """Urging, supervision, holds, rebooking (TOML, as the shipped file) from the day it names."""
    from app.catalogue.errors import PolicyInvalid
    from app.catalogue.load import load_policy

    text = _text(file)

    async def add(session: AsyncSession) -> bool:
        return await load_policy(session, text)

    try:
        added = in_transaction(add)
    except PolicyInvalid as invalid:
        raise refuse(str(invalid)) from invalid
    console.print(f"{file.name}: {'added' if added else 'there already'}")
