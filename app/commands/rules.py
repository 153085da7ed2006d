"""`paigong import ladders | policy | limits`: a company's own rules, dated, beside the shipped."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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


@rules.command()
def limits(
    file: Path,
    name: Annotated[str, typer.Option(help="Of the profile, such as the region's.")],
    effective_from: Annotated[str, typer.Option(help="The local date, as 2026-10-01.")],
    source: Annotated[str, typer.Option(help="Where the figures come from.")],
    note: Annotated[str, typer.Option(help="What a reader has to check.")] = "Check current text",
    reference: Annotated[
        bool, typer.Option(help="Only to compare with: orders are never taken under it.")
    ] = False,
) -> None:
    """Service limits (CSV, as the shipped files) as a named, dated profile."""
    from app.catalogue.load import add_profile
    from app.catalogue.models import ServiceProfile

    rows = list(csv.DictReader(_text(file).splitlines()))

    async def add(session: AsyncSession) -> int:
        profile = ServiceProfile(
            name=name,
            effective_from=date.fromisoformat(effective_from),
            source=source,
            note=note,
            reference=reference,
        )
        return await add_profile(session, profile, rows)

    try:
        console.print(f"{file.name}: {in_transaction(add)} limits of {name}")
    except ValueError as invalid:
        raise refuse(str(invalid)) from invalid
