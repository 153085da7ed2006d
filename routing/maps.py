"""Imports a city's map: a new version beside the old ones, then one atomic switch.

Layout of `maps_dir`: `versions/<graph version>/` (finished versions, never changed again),
`versions/.building-*` (unfinished work), `current` (a symbolic link to the version in use) and
`.lock`.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from routing.map_build import ExtractCounts, contract, extract
from routing.map_source import MapRefused, MapRefusedCode, file_digest, inspect_source
from routing.osrm_tools import OsrmTools, find_osrm_tools

CHINA_CITY_PROFILE: Final = Path(__file__).parent / "profiles" / "china_city.lua"
DATASET_NAME: Final = "city.osrm"
_REPORT_NAME: Final = "report.json"
_LINK_NAME: Final = "current"


class ImportStep(StrEnum):
    """The steps of an import, in their order."""

    CHECK = "check"
    EXTRACT = "extract"
    CONTRACT = "contract"
    SWITCH = "switch"


type Progress = Callable[[ImportStep, str], None]
"""Hears each step and, within it, what the tool says."""


@dataclass(frozen=True, slots=True)
class MapReport:
    """What an import made. Counts are of elements; `took_s` is 0.0 when nothing had to be built.

    `nodes` and `ways` are those of the file, `road_nodes` those that can be driven; `parts` are
    the strongly connected parts of the road graph, one of them the mainland.
    """

    graph_version: str
    version_dir: Path
    source_name: str
    source_bytes: int
    profile_name: str
    nodes: int
    ways: int
    road_nodes: int
    parts: int
    size_bytes: int
    took_s: float
    reused: bool


def import_map(
    source: Path,
    maps_dir: Path,
    profile: Path | None = None,
    *,
    progress: Progress | None = None,
    threads: int = 1,
    small_part_nodes: int = 1000,
) -> MapReport:
    """Build a road graph from an OpenStreetMap file (PBF or XML) and make it the current one.

    The version names the content of the map, the profile and the tools, so the same input is
    built once and reused. `profile` is an OSRM Lua profile, ours for Chinese cities by default.
    Parts of the road graph with fewer than `small_part_nodes` nodes count as islands: places
    beside them join the mainland when it is near.
    Blocks for seconds to minutes: not for an event loop. Raises MapRefused with a code; then
    nothing has changed. Raises OsrmToolsMissing when the wheel is absent.
    """
    work = _Import(
        source=source,
        profile=(profile or CHINA_CITY_PROFILE).resolve(),
        tools=find_osrm_tools(),
        progress=progress or (lambda _step, _detail: None),
        threads=threads,
        small_part_nodes=small_part_nodes,
    )
    work.progress(ImportStep.CHECK, source.name)
    suffix = inspect_source(source).value
    try:
        version = work.graph_version()
        with _locked(maps_dir):
            report = read_report(maps_dir / "versions" / version)
            if report is None:
                report = work.make(suffix, version, maps_dir / "versions" / version)
            else:
                report = replace(report, took_s=0.0, reused=True)
            work.progress(ImportStep.SWITCH, version)
            _switch(maps_dir, version)
    except OSError as error:
        raise MapRefused(MapRefusedCode.DISK, f"cannot store the map: {error}") from error
    return report


def current_map(maps_dir: Path) -> MapReport | None:
    """Give the map in use, or None when none was ever imported."""
    link = maps_dir / _LINK_NAME
    return read_report(link.resolve()) if link.is_symlink() else None


def read_report(version_dir: Path) -> MapReport | None:
    """Give the report of a finished version, or None when there is none in this folder."""
    try:
        stored: dict[str, Any] = json.loads((version_dir / _REPORT_NAME).read_text("utf-8"))
        return MapReport(version_dir=version_dir, **stored)
    except (FileNotFoundError, ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class _Import:
    """One import's inputs, and the steps that build a version from them."""

    source: Path
    profile: Path
    tools: OsrmTools
    progress: Progress
    threads: int
    small_part_nodes: int

    def graph_version(self) -> str:
        """Name everything that decides the graph: the map, and how it is read."""
        try:
            rules = self.profile.read_bytes()
        except OSError as error:
            raise MapRefused(
                MapRefusedCode.PROFILE_BROKEN, f"cannot read the profile {self.profile}: {error}"
            ) from error
        how = f"{self.tools.version} {self.small_part_nodes} ".encode() + rules
        return f"{file_digest(self.source)[:12]}-{hashlib.sha256(how).hexdigest()[:8]}"

    def make(self, suffix: str, version: str, version_dir: Path) -> MapReport:
        """Build in a workplace beside `version_dir`, and move it there whole when it is done."""
        started = time.monotonic()
        with _workplace(version_dir.parent) as work:
            link = work / f"city{suffix}"
            link.symlink_to(self.source.resolve())
            counts = self._build(link, version)
            link.unlink()
            report = MapReport(
                graph_version=version,
                version_dir=version_dir,
                source_name=self.source.name,
                source_bytes=self.source.stat().st_size,
                profile_name=self.profile.stem,
                size_bytes=sum(path.stat().st_size for path in work.iterdir()),
                took_s=round(time.monotonic() - started, 2),
                reused=False,
                **asdict(counts),
            )
            _finish(work, report)
        return report

    def _build(self, link: Path, version: str) -> ExtractCounts:
        self.progress(ImportStep.EXTRACT, "")
        counts = extract(
            self.tools,
            link,
            self.profile,
            version,
            threads=self.threads,
            small_part_nodes=self.small_part_nodes,
            say=lambda line: self.progress(ImportStep.EXTRACT, line),
        )
        self.progress(ImportStep.CONTRACT, "")
        contract(
            self.tools,
            link.parent / DATASET_NAME,
            threads=self.threads,
            say=lambda line: self.progress(ImportStep.CONTRACT, line),
        )
        return counts


def _finish(work: Path, report: MapReport) -> None:
    """Turn the workplace into a finished version: the report goes in last, the folder moves."""
    stored = asdict(report)
    del stored["version_dir"]
    (work / _REPORT_NAME).write_text(json.dumps(stored, indent=2) + "\n", "utf-8")
    work.chmod(0o755)
    if report.version_dir.exists():  # without a readable report: not to be trusted
        shutil.rmtree(report.version_dir)
    work.rename(report.version_dir)


def _switch(maps_dir: Path, version: str) -> None:
    """Point `current` at a version in one step; a reader sees the old one or the new one."""
    fresh = maps_dir / f".{_LINK_NAME}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path("versions") / version)
    fresh.replace(maps_dir / _LINK_NAME)


@contextlib.contextmanager
def _locked(maps_dir: Path) -> Iterator[None]:
    """Let one import at a time work in `maps_dir`; clear what a killed one left behind."""
    (maps_dir / "versions").mkdir(parents=True, exist_ok=True)
    with (maps_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in (maps_dir / "versions").glob(".building-*"):
            shutil.rmtree(left)
        yield


@contextlib.contextmanager
def _workplace(versions_dir: Path) -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix=".building-", dir=versions_dir))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
