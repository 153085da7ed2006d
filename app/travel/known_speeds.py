"""The speeds that each map version was built with, kept when the version itself is let go.

Class seconds of a drive are relative to them: without them a drive teaches nothing.
"""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from routing import SpeedFileRefused, SpeedProfile, load_profile

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


def _built(maps_dir: Path, version: str) -> Path | None:
    return maps_dir / "versions" / version / "speeds.toml" if _is_name(version) else None


def _kept(maps_dir: Path, version: str) -> Path | None:
    return maps_dir / FOLDER / f"{version}.toml" if _is_name(version) else None


def _is_name(version: str) -> bool:
    """A server elsewhere may call its map anything, also `../..`."""
    return version not in ("", ".", "..") and Path(version).name == version
