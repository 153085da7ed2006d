"""Databases in the private clusters, and the addresses to reach them."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from app.provision.binaries import EXTENSIONS, PostgresBinaries, ensure_binaries
from app.provision.cluster import OWNER, Cluster
from app.provision.identity import server_environment
from app.provision.locking import only_one
from app.provision.project import Project
from app.provision.refusal import CannotProvision
from app.provision.server import last_line

if TYPE_CHECKING:
    from app.provision.notes import ClusterNote

PROJECT = Project()
RESERVED = ("postgres", "template0", "template1", OWNER)
NAME_PATTERN = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def ensure_database(
    name: str, *, throwaway: bool = False, fresh: bool = False, project: Project = PROJECT
) -> str:
    """URL of a running database with PostGIS, pg_trgm and btree_gist, made when missing.

    `DATABASE_URL`, when set, is returned unchanged and nothing is made or dropped. Otherwise the
    database lives in the private cluster `var/pg` (durable) or `var/pg-test` (throwaway: no
    fsync), and the URL is ``postgresql://paigong@127.0.0.1:PORT/NAME``. `fresh` drops an older
    database of that name first, in the throwaway cluster only.
    Raises CannotProvision with a sentence that says what to do.
    """
    chosen = os.environ.get("DATABASE_URL")
    if chosen:
        return chosen
    _check_request(name, throwaway=throwaway, fresh=fresh)
    with only_one(project.var):
        note = Cluster(project, throwaway).start()
        _create_missing(note, name, fresh=fresh)
    return f"postgresql://{OWNER}@127.0.0.1:{note.port}/{name}"


def stop_clusters(project: Project = PROJECT) -> list[str]:
    """Stop the project's private servers; returns the names of those that were running."""
    with only_one(project.var):
        return [cluster.name for cluster in clusters(project) if cluster.stop()]


def clusters(project: Project = PROJECT) -> tuple[Cluster, Cluster]:
    """The project's durable and throwaway cluster, made or not."""
    return Cluster(project, throwaway=False), Cluster(project, throwaway=True)


def _check_request(name: str, *, throwaway: bool, fresh: bool) -> None:
    if NAME_PATTERN.fullmatch(name) is None:
        raise CannotProvision(
            f"'{name}' is no database name: use small letters, digits and '_', at most 63."
        )
    if fresh and (not throwaway or name in RESERVED):
        raise CannotProvision(
            f"'{name}' is not dropped: only databases of the throwaway cluster can be made afresh."
        )


def _create_missing(note: ClusterNote, name: str, *, fresh: bool) -> None:
    binaries = ensure_binaries()
    if fresh:
        _ask(binaries, note, "postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    listed = _ask(binaries, note, "postgres", "SELECT datname FROM pg_database").split()
    for database in dict.fromkeys((OWNER, name)):
        if database not in listed:
            # template0 takes no connections: nobody can block the copy.
            _ask(binaries, note, "postgres", f'CREATE DATABASE "{database}" TEMPLATE template0')
    create = "; ".join(f"CREATE EXTENSION IF NOT EXISTS {extension}" for extension in EXTENSIONS)
    _ask(binaries, note, name, create)


def _ask(binaries: PostgresBinaries, note: ClusterNote, database: str, statement: str) -> str:
    """Run one statement and return what it printed."""
    quiet = ["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"]
    target = ["-h", "127.0.0.1", "-p", str(note.port), "-U", OWNER, "-d", database]
    answer = subprocess.run(
        [str(binaries / "psql"), *quiet, *target, "-c", statement],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=server_environment(),
    )
    if answer.returncode != 0:
        reason = last_line(answer.stderr)
        raise CannotProvision(f"The private database refused '{statement}': {reason}")
    return answer.stdout.strip()
