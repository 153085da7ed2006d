"""The speeds that each map version was built with, kept when the version itself is let go.

Class seconds of a drive are relative to them: without them a drive teaches nothing.
"""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from routing import PRIORS, SpeedFileRefused, SpeedProfile, Vehicle, load_profile
from routing.map_versions import SPEEDS_NAME, current_dir, prior_of

log = logging.getLogger(__name__)
FOLDER = "known-speeds"


def keep(maps_dir: Path, versions: Iterable[str]) -> None:
    """Copy the speed files of these graph versions while they can be found."""
    for version in versions:
        built, kept = _built(maps_dir, version), _kept(maps_dir, version)
        if built is None or kept is None or kept.exists() or not built.is_file():
            continue
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(".fresh")
        shutil.copyfile(built, fresh)
        fresh.replace(kept)


def known(maps_dir: Path, version: str) -> SpeedProfile | None:
    """The speeds of a graph version; None when nobody knows them."""
    for path in (_kept(maps_dir, version), _built(maps_dir, version)):
        if path is None or not path.is_file():
            continue
        try:
            return load_profile(path)
        except SpeedFileRefused as error:
            log.error("ALERT the speeds of map %s are not readable: %s", version, error)
    return None


def in_use(maps_dir: Path, vehicle: Vehicle) -> SpeedProfile | None:
    """The speeds that the vehicle's present map was built with; None without a map."""
    version_dir = current_dir(maps_dir, vehicle)
    return known(maps_dir, version_dir.name) if version_dir else None


def base(maps_dir: Path, vehicle: Vehicle) -> SpeedProfile:
    """The speeds of before any learning: those chosen for the present map, else the shipped."""
    version_dir = current_dir(maps_dir, vehicle)
    if version_dir is None:
        return PRIORS[vehicle]
    try:
        return prior_of(version_dir)
    except (SpeedFileRefused, OSError) as error:
        log.warning("the shipped speeds are the prior of map %s: %s", version_dir.name, error)
        return PRIORS[vehicle]


def _built(maps_dir: Path, version: str) -> Path | None:
    return maps_dir / "versions" / version / SPEEDS_NAME if _is_name(version) else None


def _kept(maps_dir: Path, version: str) -> Path | None:
    return maps_dir / FOLDER / f"{version}.toml" if _is_name(version) else None


def _is_name(version: str) -> bool:
    """A server elsewhere may call its map anything, also `../..`."""
    return version not in ("", ".", "..") and Path(version).name == version
