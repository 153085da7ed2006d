"""Imports a city's map: a new version beside the old ones, then one atomic switch."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from routing.map_build import DATASET_NAME, ExtractCounts, ToolRuns, contract, extract
from routing.map_lua import SPEEDS_MODULE, built_for, lua_profile, lua_rules, speeds_lua
from routing.map_parts import largest_part_share
from routing.map_report import MapReport, read_report, store_report
from routing.map_source import MapRefused, MapRefusedCode, file_digest, inspect_source
from routing.map_versions import (
    IN_USE_NAME,
    PRIOR_NAME,
    SPEEDS_NAME,
    current_dir,
    one_import,
    prior_of,
    remove_unused_now,
    switch_current,
)
from routing.osrm_tools import OsrmTools, find_osrm_tools
from routing.speed_files import (
    LEARNT_FILES,
    LEARNT_MARK,
    PRIORS,
    SpeedFileRefused,
    load_profile,
    profile_text,
)
from routing.speeds import HourBucket, SpeedProfile, Vehicle

LEAST_SHARE: Final = 0.5
"""Of the road nodes of a real city at least so many hang together: Heidelberg has 88 %; cut off at
three quarters of its file, 3 %."""
_MOST_AT_ONCE: Final = 2
"""Buckets built at the same time: each takes the memory of a whole city."""


class ImportStep(StrEnum):
    """The steps of an import; extract and contract come once per dataset that is built."""

    CHECK = "check"
    EXTRACT = "extract"
    CONTRACT = "contract"
    SWITCH = "switch"


type Progress = Callable[[ImportStep, str], None]
"""Hears each step as it begins, and what it is about: the file, the hour bucket, the version."""


def import_map(
    source: Path,
    maps_dir: Path,
    profile: SpeedProfile | None = None,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
    small_part_nodes: int = 1000,
    least_share: float = LEAST_SHARE,
) -> MapReport:
    """Build road graphs from an OpenStreetMap file (PBF or XML) and make them the current ones.

    One dataset is built for each set of hours with equal speeds. The version names the content of
    the map, the profile and the tools, so the same input is built once and reused. `profile` says
    speeds and vehicle; without it the car's learnt or shipped one is taken (`chosen_profile`).
    `threads` are those of the machine by default. Parts of the road graph with fewer than
    `small_part_nodes` nodes count as islands: places beside them join the mainland when it is
    near. A map of which less than `least_share` hangs together is refused: it was cut off while
    it was copied. Versions that nobody uses any more are removed at the end.
    Blocks for seconds to minutes: not for an event loop. Raises MapRefused with a code; then
    nothing has changed. Raises OsrmToolsMissing when the wheel is absent.
    """
    work = _Import(
        source=source,
        profile=profile or chosen_profile(maps_dir),
        tools=find_osrm_tools(),
        progress=_one_at_a_time(progress or (lambda _step, _detail: None)),
        threads=threads or _machine_threads(),
        small_part_nodes=small_part_nodes,
        least_share=least_share,
        prior=_prior(maps_dir, profile or chosen_profile(maps_dir)),
    )
    return _imported(work, maps_dir)


def _imported(work: "_Import", maps_dir: Path) -> MapReport:
    source = work.source
    work.progress(ImportStep.CHECK, source.name)
    suffix = inspect_source(source).value
    try:
        version = work.graph_version()
        with one_import(maps_dir):
            report = read_report(maps_dir / "versions" / version)
            if report is None:
                report = work.make(suffix, version, maps_dir / "versions" / version)
            else:
                report = replace(report, took_s=0.0, reused=True)
            work.progress(ImportStep.SWITCH, version)
            switch_current(maps_dir, work.profile.vehicle, version)
            with contextlib.suppress(OSError):  # the map is imported; the next import sweeps again
                remove_unused_now(maps_dir)
    except OSError as error:
        raise MapRefused(MapRefusedCode.DISK, f"cannot store the map: {error}") from error
    return report


def chosen_profile(maps_dir: Path, choice: str | None = None) -> SpeedProfile:
    """Give the speeds to build with: a TOML file's, or a vehicle's (`car` without a choice).

    For a vehicle it is the learnt file in `maps_dir`, else the shipped prior. Raises MapRefused.
    """
    vehicle = Vehicle(choice) if choice in list(Vehicle) else Vehicle.CAR
    learnt = maps_dir / LEARNT_FILES[vehicle]
    if choice is None or choice == vehicle.value:
        if not learnt.exists():
            return PRIORS[vehicle]
        choice = str(learnt)
    try:
        return load_profile(Path(choice))
    except SpeedFileRefused as error:
        raise MapRefused(MapRefusedCode.PROFILE_BROKEN, str(error)) from error


def _prior(maps_dir: Path, profile: SpeedProfile) -> SpeedProfile:
    """Give what a profile was learnt from: that of the map in use; any other is its own prior."""
    if LEARNT_MARK not in profile.name:
        return profile
    version_dir = current_dir(maps_dir, profile.vehicle)
    try:
        return prior_of(version_dir) if version_dir else PRIORS[profile.vehicle]
    except SpeedFileRefused:
        return PRIORS[profile.vehicle]


@dataclass(frozen=True, slots=True)
class _Import:
    """One import's inputs, and the steps that build a version from them."""

    source: Path
    profile: SpeedProfile
    tools: OsrmTools
    progress: Progress
    threads: int
    small_part_nodes: int
    least_share: float
    prior: SpeedProfile

    def graph_version(self) -> str:
        """Name everything that decides the graphs: the map, and how it is read."""
        how = hashlib.sha256(f"{self.tools.version} {self.small_part_nodes} ".encode())
        how.update(profile_text(self.profile).encode())
        how.update(lua_rules(self.profile.vehicle))
        for bucket in HourBucket:
            how.update(speeds_lua(self.profile, bucket).encode())
        return f"{file_digest(self.source)[:12]}-{how.hexdigest()[:8]}"

    def make(self, suffix: str, version: str, version_dir: Path) -> MapReport:
        """Build in a workplace beside `version_dir`, and move it there whole when it is done."""
        started = time.monotonic()
        with _workplace(version_dir.parent) as work:
            datasets = built_for(self.profile)
            buckets = tuple(dict.fromkeys(datasets.values()))
            counts = self._build_all(work, suffix, version, buckets)
            for bucket in set(datasets) - set(buckets):
                (work / bucket.value).symlink_to(datasets[bucket].value)
            share = self._demand_whole(largest_part_share(work / buckets[0].value / DATASET_NAME))
            report = MapReport(
                graph_version=version,
                version_dir=version_dir,
                source_name=self.source.name,
                source_bytes=self.source.stat().st_size,
                profile_name=self.profile.name,
                vehicle=self.profile.vehicle,
                largest_part_share=share,
                buckets=buckets,
                size_bytes=sum(path.stat().st_size for path in work.glob("*/city.osrm.*")),
                took_s=round(time.monotonic() - started, 2),
                reused=False,
                **asdict(counts),
            )
            (work / PRIOR_NAME).write_text(profile_text(self.prior), "utf-8")
            _finish(work, report, profile_text(self.profile))
        return report

    def _demand_whole(self, share: float) -> float:
        if share < self.least_share:
            raise MapRefused(
                MapRefusedCode.IN_PIECES,
                f"only {share:.1%} of the roads of {self.source.name} hang together, a whole city "
                f"has {self.least_share:.0%} at least: the file was probably cut off",
            )
        return share

    def _build_all(
        self, work: Path, suffix: str, version: str, buckets: Sequence[HourBucket]
    ) -> ExtractCounts:
        """Build each dataset, two at once; the first that fails ends the others."""
        at_once = min(_MOST_AT_ONCE, self.threads, len(buckets))
        build = _Build(self, ToolRuns(self.tools), suffix, version, self.threads // at_once)
        with ThreadPoolExecutor(at_once, thread_name_prefix="import-map") as pool:
            datasets = [pool.submit(build.dataset, work / bucket.value) for bucket in buckets]
            try:
                counts = [dataset.result() for dataset in as_completed(datasets)]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                build.runs.stop()
                raise
        return counts[0]  # of elements and roads: no speed changes them


@dataclass(frozen=True, slots=True)
class _Build:
    """Builds the datasets of one import."""

    work: _Import
    runs: ToolRuns
    suffix: str
    version: str
    threads: int

    def dataset(self, folder: Path) -> ExtractCounts:
        """Build the dataset of the bucket that `folder` is named after."""
        bucket = HourBucket(folder.name)
        folder.mkdir()
        link = folder / f"city{self.suffix}"
        link.symlink_to(self.work.source.resolve())
        (folder / SPEEDS_MODULE).write_text(speeds_lua(self.work.profile, bucket), "utf-8")
        self.work.progress(ImportStep.EXTRACT, bucket.value)
        counts = extract(
            self.runs,
            link,
            lua_profile(self.work.profile.vehicle),
            f"{self.version}.{bucket.value}",
            threads=self.threads,
            small_part_nodes=self.work.small_part_nodes,
        )
        link.unlink()
        (folder / SPEEDS_MODULE).unlink()
        self.work.progress(ImportStep.CONTRACT, bucket.value)
        contract(self.runs, folder, threads=self.threads)
        return counts


def _finish(work: Path, report: MapReport, speeds: str) -> None:
    """Turn the workplace into a finished version: the report goes in last, the folder moves."""
    (work / IN_USE_NAME).touch()
    (work / SPEEDS_NAME).write_text(speeds, "utf-8")
    store_report(report, work)
    work.chmod(0o755)
    if report.version_dir.exists():  # without a readable report: not to be trusted
        shutil.rmtree(report.version_dir)
    work.rename(report.version_dir)


def _machine_threads() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _one_at_a_time(progress: Progress) -> Progress:
    """Let the listener hear one builder at a time."""
    turn = threading.Lock()

    def tell(step: ImportStep, detail: str) -> None:
        with turn:
            progress(step, detail)

    return tell


@contextlib.contextmanager
def _workplace(versions_dir: Path) -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix=".building-", dir=versions_dir))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
