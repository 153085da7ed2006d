"""`paigong`: everything that is done from a shell."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.commands.imports import importer, maps
from app.commands.learning import learning
from app.commands.payouts import payouts
from app.commands.rules import rules
from app.commands.schema import schema
from app.commands.shell import console, in_transaction, installed, refuse, with_database
from app.commands.solve import solving

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from app.core.db import Database

cli = typer.Typer(no_args_is_help=True, help="Paigong 派工: field-repair dispatch.")
admin = typer.Typer(no_args_is_help=True, help="Accounts that manage the rest.")
cli.add_typer(schema)
cli.add_typer(maps)
cli.add_typer(learning)
cli.add_typer(solving)
cli.add_typer(admin, name="admin")
importer.add_typer(rules)
cli.add_typer(importer, name="import")
cli.add_typer(payouts, name="payouts")


@cli.command()
def serve(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the API; in the demo environment to this machine only."""
    config = installed()
    if not config.may_listen_on(host):
        raise refuse(f"the demo's secrets are public: it is not served on {host}, only on loopback")
    import uvicorn

    from app.main import create_app

    uvicorn.run(
        create_app(config),
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )


@cli.command()
def worker(
    only: Annotated[
        Literal["all", "express", "rest"],
        typer.Option(help="express: danger and pushes alone; rest: all else."),
    ] = "all",
) -> None:
    """Run background work: planning, push, clocks.

    With two processes, one `--only express` and one `--only rest`, danger waits for no plan that is
    being read or published: the second gives way to the first and to the API.
    """
    import uvloop

    from app import wiring
    from app.worker import EXPRESS, QUEUES, give_way, run_worker

    config = installed()
    wiring.wire()
    rest = [name for name in QUEUES if name not in EXPRESS]
    queues = {"all": QUEUES, "express": EXPRESS, "rest": rest}[only]
    give_way(queues)
    uvloop.run(run_worker(config, queues=queues))


@admin.command("create")
def create_admin(
    username: Annotated[str, typer.Option()],
    display_name: Annotated[str, typer.Option()] = "Administrator",
) -> None:
    """Create an administrator; the password is asked for, or read from PAIGONG_ADMIN_PASSWORD."""
    from app.identity.service import create_admin as create

    password = os.environ.get("PAIGONG_ADMIN_PASSWORD") or typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )

    async def work(session: AsyncSession) -> None:
        await create(session, username=username, password=password, display_name=display_name)

    in_transaction(work)
    console.print(f"administrator {username} created")


@cli.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Fold every event again, independently, and compare with every stored state."""
    from app.evidence.storage import storage
    from app.verification import Difference
    from app.verification import verify as run

    async def work(database: Database) -> list[Difference]:
        return await run(database, storage())

    differences = with_database(work)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in differences], ensure_ascii=False))
    else:
        for each in differences:
            typer.echo(str(each))
        typer.echo(f"verify: {len(differences)} differences")
    raise typer.Exit(1 if differences else 0)


@cli.command()
def demo(
    orders: int = 80,
    hours: float = 4.0,
    seed: int = 1,
    map_file: Annotated[Path | None, typer.Option("--map")] = None,
    demand_file: Annotated[Path | None, typer.Option("--demand")] = None,
    area: str | None = None,
    once: bool = False,
    report: Path | None = None,
    push_loss: float = 0.0,
    sabotage: str | None = None,
    rate: float | None = None,
    port: int | None = None,
) -> None:
    """Play a winter morning through the real HTTP API, then keep serving it."""
    from app.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        orders=orders,
        hours=hours,
        seed=seed,
        map_file=map_file,
        demand_file=demand_file,
        area=area,
        once=once,
        report=report,
        push_loss=push_loss,
        sabotage=sabotage,
        rate=rate,
        port=port,
    )
    raise typer.Exit(run_demo(options))


def main() -> None:
    """Entry point of the `paigong` command."""
    cli()


if __name__ == "__main__":
    main()
