"""`paigong payouts ...`: rate cards, and the books checked."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.shell import console, in_transaction, refuse, with_database

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from app.payouts.models import RateCard
    from app.payouts.simulation import Simulation

payouts = typer.Typer(no_args_is_help=True, help="Piece-rate pay: cards, months, books.")


@payouts.command("print-card")
def print_card() -> None:
    """Print the shipped rate card, to begin a card of one's own with."""
    from app.payouts.load import DEFAULT_CARD

    folder = resources.files("app.payouts").joinpath("data", DEFAULT_CARD)
    typer.echo(folder.read_text("utf-8"), nl=False)


def _text(file: Path) -> str:
    if not file.is_file():
        raise refuse(f"there is no file {file}")
    return file.read_text("utf-8")


@payouts.command("import-card")
def import_card(file: Path) -> None:
    """Add a rate card from TOML; the open-ended one before it ends where this one begins."""
    text = _text(file)

    async def work(session: AsyncSession) -> RateCard:
        from app.payouts.cards import import_card

        return await import_card(session, text)

    card = in_transaction(work)
    console.print(f"{card.name}: in force from {card.effective_from}")


@payouts.command("simulate-card")
def simulate_card(
    file: Path,
    month: Annotated[str, typer.Option(help="A past local month, 2026-01.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Pay a past month by a card that need not be in force; writes nothing."""
    text = _text(file)

    async def work(session: AsyncSession) -> Simulation:
        from app.payouts.cards import read_card
        from app.payouts.simulation import simulate

        return await simulate(session, read_card(text), month)

    found = in_transaction(work)
    rows = [
        {
            "employee_no": each.technician.employee_no,
            "before_minor": each.before.amount_minor,
            "after_minor": each.after.amount_minor,
        }
        for each in found.people
    ]
    if as_json:
        typer.echo(json.dumps({"month": month, "technicians": rows}))
        return
    for row in rows:
        typer.echo(f"{row['employee_no']}: {row['before_minor']} -> {row['after_minor']} fen")
    typer.echo(f"all: {found.before.amount_minor} -> {found.after.amount_minor} fen")


@payouts.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
    processes: Annotated[int, typer.Option(min=1, max=32, help="How many work at once.")] = 1,
) -> None:
    """Work every line of pay out again from the events, and again from its own inputs."""
    from app.verification.parts import check_in_parts

    entries, differences = with_database(lambda database: check_in_parts(database, processes))
    if as_json:
        said = [each.as_dict() for each in differences]
        typer.echo(json.dumps({"entries": entries, "differences": said}, ensure_ascii=False))
    else:
        for each in differences:
            typer.echo(str(each))
        typer.echo(f"payouts verify: {entries} entries, {len(differences)} differences")
    raise typer.Exit(1 if differences else 0)
