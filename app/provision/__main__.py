"""``python3 -m app.provision``: the commands behind the Makefile."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING

from app.provision.binaries import ensure_binaries, find_binaries
from app.provision.databases import PROJECT, clusters, ensure_database, stop_clusters
from app.provision.environment import (
    ensure_environment,
    ensure_peers,
    is_current,
    lock_packages,
)
from app.provision.locking import only_one
from app.provision.refusal import CannotProvision, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.provision.project import Project


def main(arguments: Sequence[str] | None = None, project: Project = PROJECT) -> int:
    """Run one command; returns the exit status, 1 with one sentence when it cannot be done."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "database":
            database(project, chosen.name, throwaway=chosen.throwaway, fresh=chosen.fresh)
        else:
            COMMANDS[chosen.command](project)
    except CannotProvision as refusal:
        say(str(refusal))
        return 1
    except PermissionError as error:
        say(
            f"No permission for {error.filename}: run the command as the user who set the "
            "project up, or make that path yours."
        )
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def setup(project: Project) -> None:
    """make ready what demo and tests need, the servers aside"""
    steps: list[Callable[[], object]] = [lambda: ensure_environment(project)]
    if not os.environ.get("DATABASE_URL"):
        steps.append(ensure_binaries)
    refusals = []
    with only_one(project.var):
        for step in steps:
            try:
                step()
            except CannotProvision as refusal:
                refusals.append(str(refusal))  # tell of all that is missing at once
    if refusals:
        raise CannotProvision("\npaigong: ".join(refusals))


def database(project: Project, name: str, *, throwaway: bool, fresh: bool) -> None:
    """make a database where it is missing and print its URL"""
    _print(ensure_database(name, throwaway=throwaway, fresh=fresh, project=project))


def peers(project: Project) -> None:
    """add the packages that benchmarks compare us with"""
    with only_one(project.var):
        ensure_peers(project)


def lock(project: Project) -> None:
    """compile the locked packages anew from pyproject.toml"""
    with only_one(project.var):
        lock_packages(project)


def stop(project: Project) -> None:
    """stop our private servers"""
    stopped = stop_clusters(project)
    _print(f"stopped: {', '.join(stopped) or 'nothing was running'}")


def clean(project: Project) -> None:
    """stop our private servers and remove all that set-up made: var and .venv"""
    with only_one(project.var):
        for cluster in clusters(project):
            cluster.remove()
        for folder in (project.venv, project.var):
            if folder.exists():
                shutil.rmtree(folder)


def status(project: Project) -> None:
    """print what is ready and what runs"""
    server = find_binaries()
    _print(f".venv: {'ready' if is_current(project) else 'not ready'}")
    _print(f"PostgreSQL with PostGIS: {server.folder if server else 'missing'}")
    if os.environ.get("DATABASE_URL"):
        _print("DATABASE_URL is set: the private clusters are not used")
    for cluster in clusters(project):
        note = cluster.note()
        if note is None:
            _print(f"{cluster.name}: not made")
        else:
            state = "runs" if cluster.is_running() else "stopped"
            _print(f"{cluster.name}: {state}, 127.0.0.1:{note.port}, data in {note.data_dir}")


COMMANDS = {
    "setup": setup,
    "peers": peers,
    "lock": lock,
    "stop": stop,
    "clean": clean,
    "status": status,
}
INTERRUPTED = 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m app.provision", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, action in COMMANDS.items():
        commands.add_parser(name, help=action.__doc__)
    wanted = commands.add_parser("database", help=database.__doc__)
    wanted.add_argument("name")
    wanted.add_argument("--throwaway", action="store_true", help="fast, lost in a crash")
    wanted.add_argument("--fresh", action="store_true", help="drop an older one first")
    return parser


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
