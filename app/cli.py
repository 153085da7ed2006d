"""`paigong`: everything that is done from a shell."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import TaskID
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, settings
from app.core.db import Database
from app.core.problems import Problem
from app.core.settings import Settings

cli = typer.Typer(no_args_is_help=True, help="Paigong 派工: field-repair dispatch.")
admin = typer.Typer(no_args_is_help=True, help="Accounts that manage the rest.")
importer = typer.Typer(no_args_is_help=True, help="Bring a company's own registers.")
cli.add_typer(admin, name="admin")
cli.add_typer(importer, name="import")
console = Console(stderr=True, highlight=False)

SPEC = Path(__file__).resolve().parents[1] / "openapi" / "openapi.json"


def _refuse(sentence: str, code: int = 1) -> typer.Exit:
    console.print(f"[red]paigong:[/red] {sentence}")
    return typer.Exit(code)


def _installed() -> Settings:
    """Settings of the environment, installed with their clock; one sentence when they lack."""
    try:
        config = Settings()
    except ValueError as error:
        raise _refuse(f"the settings are not usable: {error}") from error
    settings.install(config)
    clock.install(config.scaled_clock())
    return config


def _in_transaction[Result](work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Run `work` in one transaction; a Problem is told in one sentence and nothing is written."""
    config = _installed()
    from app import wiring

    wiring.wire()

    async def run() -> Result:
        database = Database(config.database_url, statement_timeout_s=600)
        try:
            async with database.transaction() as session:
                return await work(session)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except Problem as problem:
        body = problem.body("en")
        raise _refuse(f"{body['title']}: {body['detail']} {body['action']}.") from problem


@cli.command()
def migrate() -> None:
    """Bring the schema to the newest revision and load the shipped catalogue where it lacks."""
    from app.catalogue.load import load_defaults
    from app.core import migrations
    from app.payouts.load import load_default_rate_card

    migrations.upgrade(_installed().database_url)

    async def load(session: AsyncSession) -> None:
        await load_defaults(session)
        await load_default_rate_card(session)

    _in_transaction(load)


@cli.command()
def serve(host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the API."""
    import uvicorn

    from app.main import create_app

    uvicorn.run(
        create_app(_installed()),
        host=host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )


@cli.command()
def worker() -> None:
    """Run background work: planning, push, clocks."""
    from app import wiring
    from app.worker import run_worker

    config = _installed()
    wiring.wire()
    asyncio.run(run_worker(config))


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

    _in_transaction(work)
    console.print(f"administrator {username} created")


def _import(*files: tuple[Path, Callable[..., Awaitable[Any]]]) -> None:
    """Import the files in their order, each all or nothing; the first with errors ends it."""
    from rich.progress import Progress

    for file, importing in files:
        if not file.is_file():
            raise _refuse(f"there is no file {file}")
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task(file.name, total=None)

            def tell(done: int, total: int, task: TaskID = task, bar: Progress = bar) -> None:
                bar.update(task, completed=done, total=total)

            report = _in_transaction(partial(_call, importing, file, tell))
        for fault in report.errors[:200]:
            console.print(f"line {fault.line}, {fault.column}: {fault.why} {fault.action}")
        if report.errors:
            raise _refuse(f"{len(report.errors)} errors in {file.name}; nothing of it was imported")
        console.print(f"{file.name}: {report.created} new, {report.updated} updated")


async def _call(
    importing: Callable[..., Awaitable[Any]],
    file: Path,
    tell: Callable[..., None],
    session: AsyncSession,
) -> Any:
    return await importing(session, file, tell)


@importer.command("folder")
def import_folder(folder: Path) -> None:
    """stations.csv, technicians.csv and customers.csv of a folder, in this order."""
    from app.customers.imports import import_customers
    from app.organisation.imports import import_stations, import_technicians

    _import(
        (folder / "stations.csv", import_stations),
        (folder / "technicians.csv", import_technicians),
        (folder / "customers.csv", import_customers),
    )


@importer.command()
def stations(file: Path) -> None:
    """Stations: code,name,parent_code,area_wkt,lon,lat."""
    from app.organisation.imports import import_stations

    _import((file, import_stations))


@importer.command()
def technicians(file: Path) -> None:
    """Technicians, their crews, skills and certificates."""
    from app.organisation.imports import import_technicians

    _import((file, import_technicians))


@importer.command()
def customers(file: Path) -> None:
    """Customers with their buildings and premises."""
    from app.customers.imports import import_customers

    _import((file, import_customers))


@importer.command()
def demand(file: Path) -> None:
    """Repair reports of known customers, taken in as orders."""
    from app.work_orders.imports import import_demand

    _import((file, import_demand))


@cli.command("import-map")
def import_map_command(file: Path, profile: Path | None = None) -> None:
    """Build the road graph of a city from an OpenStreetMap PBF or XML file."""
    from routing import MapRefused, OsrmToolsMissing, import_map

    config = _installed()
    try:
        report = import_map(
            file,
            config.data_dir / "maps",
            profile,
            progress=lambda step, text: console.print(f"{step.value}: {text}"),
        )
    except (MapRefused, OsrmToolsMissing) as refused:
        raise _refuse(str(refused)) from refused
    console.print(
        f"graph {report.graph_version}: {report.road_nodes} road nodes, {report.ways} ways,"
        f" {report.parts} parts, {report.size_bytes / 1e6:.1f} MB in {report.took_s:.1f} s"
    )


@cli.command()
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Fold every event again, independently, and compare with every stored state."""
    from app.verification import verify as run

    config = _installed()

    async def work(session: AsyncSession) -> list[Any]:
        return await run(session, config.data_dir)

    differences = _in_transaction(work)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in differences], ensure_ascii=False))
    else:
        for each in differences:
            typer.echo(str(each))
        typer.echo(f"verify: {len(differences)} differences")
    raise typer.Exit(1 if differences else 0)


@cli.command()
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
        raise _refuse(f"{', '.join(stale)} is not what the code says: run `make openapi`")


def _scratch_database() -> str:
    from app.provision import ensure_database

    return ensure_database("paigong_migrations", throwaway=True, fresh=True)


@cli.command("check-migrations")
def check_migrations() -> None:
    """Migrate an empty scratch database and compare it with the models."""
    from alembic.util import CommandError

    from app.core import migrations

    url = _scratch_database()
    migrations.upgrade(url)
    try:
        migrations.check(url)
    except CommandError as error:
        raise _refuse(f"the models say more than the migrations: {error}") from error


@cli.command("make-migration")
def make_migration(message: str) -> None:
    """Write a revision with what the models say beyond the migrations."""
    from app.core import migrations

    url = _scratch_database()
    migrations.upgrade(url)
    migrations.revise(url, message)


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
