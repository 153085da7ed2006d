"""Which version of a map each vehicle uses, who holds one open, and the end of unused ones.

Layout of `maps_dir`: `versions/<graph version>/` (finished, never changed again) with a folder
`<bucket>/city.osrm*` per hour bucket (a link where two have equal speeds), `speeds.toml` and
`report.json`; `current` and `current-ebike` (symbolic links to versions),
`.lock` (held by an import) and `versions/.building-*`, `versions/.removing-*` (unfinished work).
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from routing.speed_files import PRIORS, SpeedFileRefused, load_profile
from routing.speeds import SpeedProfile, Vehicle

SPEEDS_NAME: Final = "speeds.toml"
"""In a version: the profile that it was built with."""
PRIOR_NAME: Final = "prior.toml"
"""In a version: the profile before anything was learnt; what learning starts from, every night."""

IN_USE_NAME: Final = ".in-use"
_LOCK_NAME: Final = ".lock"
_LINK_NAMES: Final = {Vehicle.CAR: "current", Vehicle.EBIKE: "current-ebike"}


def current_dir(maps_dir: Path, vehicle: Vehicle = Vehicle.CAR) -> Path | None:
    """Give the version folder in use, or None; reads one link, so it may be asked at each request.

    The folder's name is the graph version.
    """
    try:
        return maps_dir / (maps_dir / _LINK_NAMES[vehicle]).readlink()
    except OSError:
        return None


def current_speeds(maps_dir: Path, vehicle: Vehicle = Vehicle.CAR) -> SpeedProfile:
    """Give the speeds of the map in use, or the vehicle's shipped ones where there is none."""
    version_dir = current_dir(maps_dir, vehicle)
    if version_dir is not None:
        with contextlib.suppress(SpeedFileRefused):
            return load_profile(version_dir / SPEEDS_NAME)
    return PRIORS[vehicle]


def prior_of(version_dir: Path) -> SpeedProfile:
    """Give the speeds that a version's learning starts from; raises SpeedFileRefused."""
    return load_profile(version_dir / PRIOR_NAME)


@contextlib.contextmanager
def in_use(version_dir: Path) -> Iterator[Path]:
    """Keep a version from being removed while inside, across processes; gives `version_dir`.

    Raises FileNotFoundError when it is gone already.
    """
    with (version_dir / IN_USE_NAME).open("rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_SH)
        # It may have been moved away between opening and locking.
        if not os.path.samestat(os.fstat(mark.fileno()), (version_dir / IN_USE_NAME).stat()):
            raise FileNotFoundError(f"map version {version_dir.name} was removed")
        yield version_dir


def remove_unused(maps_dir: Path) -> list[str]:
    """Remove the versions that no link names and nobody holds; gives their graph versions.

    Does nothing while an import runs (it removes them itself when it ends).
    """
    try:
        with _lock(maps_dir, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return remove_unused_now(maps_dir)
    except (BlockingIOError, FileNotFoundError):
        return []


def remove_unused_now(maps_dir: Path) -> list[str]:
    """Do it inside `one_import`."""
    links = (path for path in maps_dir.iterdir() if path.is_symlink())
    linked = {link.readlink().name for link in links}
    removed = []
    for version_dir in sorted((maps_dir / "versions").iterdir()):
        name = version_dir.name
        if name.startswith(".") or name in linked or not _let_go(version_dir):
            continue
        removed.append(name)
    _clear(maps_dir, ".removing-*")
    return removed


def _let_go(version_dir: Path) -> bool:
    """Move a version out of sight unless somebody holds it."""
    with contextlib.ExitStack() as stack:
        try:
            mark = stack.enter_context((version_dir / IN_USE_NAME).open("rb"))
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass  # of a release that left no mark
        except BlockingIOError:
            return False
        version_dir.rename(version_dir.with_name(f".removing-{version_dir.name}"))
    return True


def switch_current(maps_dir: Path, vehicle: Vehicle, graph_version: str) -> None:
    """Point a vehicle's link at a version in one step; a reader sees the old one or the new one."""
    link = maps_dir / _LINK_NAMES[vehicle]
    fresh = maps_dir / f".{link.name}-fresh"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("versions") / graph_version)
    fresh.replace(link)


@contextlib.contextmanager
def one_import(maps_dir: Path) -> Iterator[None]:
    """Let one import at a time work in `maps_dir`; clear what a killed one left behind."""
    (maps_dir / "versions").mkdir(parents=True, exist_ok=True)
    with _lock(maps_dir, fcntl.LOCK_EX, create=True):
        _clear(maps_dir, ".building-*")
        yield


@contextlib.contextmanager
def _lock(maps_dir: Path, how: int, *, create: bool = False) -> Iterator[None]:
    with (maps_dir / _LOCK_NAME).open("a" if create else "r+") as lock:
        fcntl.flock(lock, how)
        yield


def _clear(maps_dir: Path, pattern: str) -> None:
    for left in (maps_dir / "versions").glob(pattern):
        shutil.rmtree(left, ignore_errors=True)  # the next sweep takes what is left
