"""What an import made, as it is told and as it lies in the version's folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from routing.map_versions import current_dir
from routing.speeds import HourBucket, Vehicle

_REPORT_NAME: Final = "report.json"


@dataclass(frozen=True, slots=True)
class MapReport:
    """What an import made. Counts are of elements; `took_s` is 0.0 when nothing had to be built.

    `nodes` and `ways` are those of the file, `road_nodes` those that can be driven; `parts` are
    the strongly connected parts of the road graph, `largest_part_share` is the share of the road
    nodes that touch the largest of them. `buckets` are the hours that got a dataset of their own.
    """

    graph_version: str
    version_dir: Path
    source_name: str
    source_bytes: int
    profile_name: str
    vehicle: Vehicle
    nodes: int
    ways: int
    road_nodes: int
    parts: int
    largest_part_share: float
    buckets: tuple[HourBucket, ...]
    size_bytes: int
    took_s: float
    reused: bool


def current_map(maps_dir: Path, vehicle: Vehicle = Vehicle.CAR) -> MapReport | None:
    """Give the map that a vehicle uses, or None when none was ever imported."""
    version_dir = current_dir(maps_dir, vehicle)
    return read_report(version_dir) if version_dir is not None else None


def read_report(version_dir: Path) -> MapReport | None:
    """Give the report of a finished version, or None when there is none in this folder."""
    try:
        stored: dict[str, Any] = json.loads((version_dir / _REPORT_NAME).read_text("utf-8"))
        stored["vehicle"] = Vehicle(stored["vehicle"])
        stored["buckets"] = tuple(HourBucket(name) for name in stored["buckets"])
        return MapReport(version_dir=version_dir, **stored)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return None


def store_report(report: MapReport, folder: Path) -> None:
    """Write the report into a version's folder, wherever that is while it is built."""
    stored = asdict(report)
    del stored["version_dir"]
    (folder / _REPORT_NAME).write_text(json.dumps(stored, indent=2) + "\n", "utf-8")
