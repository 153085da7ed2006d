"""PostgreSQL's programs on this machine: found, or installed with PostGIS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.provision.debian import install_packages
from app.provision.refusal import CannotProvision

PROGRAMS = ("initdb", "pg_ctl", "postgres", "psql")
EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")
POSTGIS_LIBRARY = "postgis-3.so"
DEBIAN_PACKAGE = "postgresql-postgis"
OLDEST_MAJOR = 15
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")


@dataclass(frozen=True)
class PostgresBinaries:
    """One installed PostgreSQL server that has every extension the product needs."""

    folder: Path
    major: int

    def __truediv__(self, program: str) -> Path:
        """Path of one program, e.g. ``binaries / "initdb"``."""
        return self.folder / program


def ensure_binaries(major: int | None = None) -> PostgresBinaries:
    """PostgreSQL with PostGIS, installed by apt when missing and permitted.

    `major` asks for the version an existing cluster was made with.
    Raises CannotProvision with the package to install.
    """
    found = find_binaries(major)
    if found is None and major is None and install_packages([DEBIAN_PACKAGE]):
        found = find_binaries()
    if found is None:
        raise CannotProvision(_what_is_missing(major))
    return found


def find_binaries(major: int | None = None) -> PostgresBinaries | None:
    """The newest complete server on this machine, or the one of the given major version."""
    usable = [server for folder in _folders() for server in _probe(folder)]
    fitting = [server for server in usable if major in (None, server.major)]
    return max(fitting, key=lambda server: server.major, default=None)


def _folders() -> list[Path]:
    folders = [folder for place in PLACES for folder in Path("/").glob(place.lstrip("/"))]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return folders


def _probe(folder: Path) -> list[PostgresBinaries]:
    """The server in this folder, if complete: none or one."""
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return []
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    version = re.search(r"(\d+)", answer.stdout)
    if version is None or int(version.group(1)) < OLDEST_MAJOR:
        return []
    server = PostgresBinaries(folder, int(version.group(1)))
    return [server] if all(part.is_file() for part in _extension_files(server)) else []


def _extension_files(server: PostgresBinaries) -> list[Path]:
    share = _configured(server, "--sharedir", Path("/usr/share/postgresql") / str(server.major))
    libraries = _configured(server, "--pkglibdir", server.folder.parent / "lib")
    controls = [share / "extension" / f"{name}.control" for name in EXTENSIONS]
    # Debian ships PostGIS's control file in a package of its own: it may be there alone.
    return [*controls, libraries / POSTGIS_LIBRARY]


def _configured(server: PostgresBinaries, item: str, otherwise: Path) -> Path:
    config = server / "pg_config"
    if os.access(config, os.X_OK):
        answer = subprocess.run([config, item], capture_output=True, text=True)
        if answer.returncode == 0:
            return Path(answer.stdout.strip())
    return otherwise


def _what_is_missing(major: int | None) -> str:
    if major is not None:
        return (
            f"The private cluster was made by PostgreSQL {major}, which is no longer installed "
            f"with PostGIS: install 'postgresql-{major}-postgis-3', or run 'make clean' to drop "
            "the cluster and its data."
        )
    return (
        f"PostgreSQL {OLDEST_MAJOR} or newer with PostGIS is missing: run "
        f"'sudo apt-get install {DEBIAN_PACKAGE}', or set DATABASE_URL to a database that has "
        f"the extensions {', '.join(EXTENSIONS)}."
    )
