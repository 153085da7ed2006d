"""`paigong import ...` and `paigong import-map`: a company's registers, and its city's roads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.shell import console, in_transaction, installed, refuse

if TYPE_CHECKING:
    from rich.progress import TaskID
    from sqlmodel.ext.asyncio.session import AsyncSession

importer = typer.Typer(no_args_is_help=True, help="Bring a company's own registers.")
maps = typer.Typer()


def _import(*files: tuple[Path, Callable[..., Awaitable[Any]]]) -> None:
    """Import the files in their order, each all or nothing; the first with errors ends it."""
    from rich.progress import Progress

    for file, importing in files:
        if not file.is_file():
            raise refuse(f"there is no file {file}")
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task(file.name, total=None)

            def tell(done: int, total: int, task: TaskID = task, bar: Progress = bar) -> None:
                bar.update(task, completed=done, total=total)

            report = in_transaction(partial(_call, importing, file, tell))
        for fault in report.errors[:200]:
            console.print(f"line {fault.line}, {fault.column}: {fault.why} {fault.action}")
        if report.errors:
            raise refuse(f"{len(report.errors)} errors in {file.name}; nothing of it was imported")
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
    """Stations: code,name,parent_code,area_wkt,lon,lat; may add contractor,settlement_unit."""
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


@maps.command("import-map")
def import_map_command(
    file: Path,
    profile: Annotated[
        str | None, typer.Option(help="car, ebike, or a TOML file of speeds by road and hour.")
    ] = None,
    least_share: Annotated[
        float, typer.Option(help="Refuse a map of which less hangs together: it was cut off.")
    ] = 0.5,
) -> None:
    """Build the road graphs of a city, one per hour of traffic, from OpenStreetMap PBF or XML."""
    from routing import MapRefused, OsrmToolsMissing, chosen_profile, import_map

    maps_dir = installed().data_dir / "maps"
    try:
        report = import_map(
            file,
            maps_dir,
            chosen_profile(maps_dir, profile),
            progress=lambda step, text: console.print(f"{step.value}: {text}"),
            least_share=least_share,
        )
    except (MapRefused, OsrmToolsMissing) as refused:
        raise refuse(str(refused)) from refused
    built = ", ".join(report.buckets)
    console.print(
        f"graph {report.graph_version} for the {report.vehicle.value}, speeds"
        f" {report.profile_name} ({built})\n"
        f"{report.nodes} nodes, {report.ways} ways in the file; {report.road_nodes} road nodes in"
        f" {report.parts} parts, {report.largest_part_share:.1%} in the largest\n"
        f"{report.size_bytes / 1e6:.1f} MB in {report.took_s:.1f} s"
        + (" (built before)" if report.reused else "")
    )
