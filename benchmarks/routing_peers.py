"""The peers of the routing benchmark: scipy's Dijkstra and, when it is installed, Valhalla.

Each answers the same square matrix of durations from the same OpenStreetMap file, with its own
idea of the roads; `median_difference` says how far its durations are from ours, so that a fast
wrong answer shows.
"""

import importlib.util
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import osmium
from numpy.typing import NDArray

from routing import CHINA_CITY, HourBucket, Place, RoadClass

VALHALLA_POINTS: Final = 200
"""1000 points take it six minutes."""
_CLASSES: Final = {
    **{f"{road.value}{end}": road for road in RoadClass for end in ("", "_link")},
    "unclassified": RoadClass.RESIDENTIAL,
    "living_street": RoadClass.SERVICE,
}


def peers(source: Path, places: Sequence[Place], ours: NDArray[np.int32]) -> dict[str, Any]:
    """Seconds on the clock of each peer for the matrix of `places`, or why it was left out."""
    found: dict[str, Any] = {}
    for name, module, count, ask in (
        ("scipy_dijkstra", "scipy", len(places), _scipy),
        ("valhalla", "valhalla", VALHALLA_POINTS, _valhalla),
    ):
        if importlib.util.find_spec(module) is None:
            found[name] = "not installed: make peers"
            continue
        seconds, wall_s, cpu_s = ask(source, places[:count])
        found[name] = {
            "points": count,
            "wall_s": round(wall_s, 2),
            "cpu_s": round(cpu_s, 2),
            "median_difference": round(_difference(seconds, ours[:count, :count]), 3),
        }
    return found


def _difference(theirs: NDArray[np.float64], ours: NDArray[np.int32]) -> float:
    away = ~np.eye(len(ours), dtype=bool) & np.isfinite(theirs) & (ours > 0) & (ours < 86_400)
    return float(np.median(np.abs(theirs[away] - ours[away]) / ours[away]))


def _scipy(source: Path, places: Sequence[Place]) -> tuple[NDArray[np.float64], float, float]:
    """Dijkstra over our free-flow speeds, without turns: the plain answer of a good library."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra
    from scipy.spatial import cKDTree

    at, edges, weights = _graph(source)
    graph = csr_array((weights, (edges[:, 0], edges[:, 1])), shape=(len(at), len(at)))
    scale = np.array([np.cos(np.radians(at[:, 1].mean())), 1.0])
    _, nearest = cKDTree(at * scale).query(np.array(places) * scale)
    began, began_cpu = time.perf_counter(), time.process_time()
    seconds = dijkstra(graph, indices=nearest)[:, nearest]
    return seconds, time.perf_counter() - began, time.process_time() - began_cpu


def _graph(
    source: Path,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Read the driven roads: places of nodes, directed edges, seconds at midday."""
    index: dict[int, int] = {}
    at: list[tuple[float, float]] = []
    edges: dict[tuple[int, int], float] = {}
    wanted = osmium.filter.KeyFilter("highway")
    for way in osmium.FileProcessor(str(source)).with_locations().with_filter(wanted):
        road = _CLASSES.get(way.tags.get("highway", "")) if way.is_way() else None
        if road is None:
            continue
        nodes = []
        for node in way.nodes:
            if node.ref not in index:
                index[node.ref] = len(at)
                at.append((node.lon, node.lat))
            nodes.append(index[node.ref])
        speed = CHINA_CITY.speeds_kmh[road] * CHINA_CITY.factor(HourBucket.DAY, road) / 3.6
        one_way = way.tags.get("oneway") in ("yes", "1", "true") or road is RoadClass.MOTORWAY
        for one, two in itertools.pairwise(nodes):
            seconds = _metres(at[one], at[two]) / speed
            edges[one, two] = min(seconds, edges.get((one, two), seconds))
            if not one_way:
                edges[two, one] = min(seconds, edges.get((two, one), seconds))
    return np.array(at), np.array(list(edges)), np.maximum(np.array(list(edges.values())), 1e-3)


def _metres(one: tuple[float, float], two: tuple[float, float]) -> float:
    east = np.radians(two[0] - one[0]) * np.cos(np.radians(one[1]))
    return float(np.hypot(east, np.radians(two[1] - one[1])) * 6_371_008.8)


def _valhalla(source: Path, places: Sequence[Place]) -> tuple[NDArray[np.float64], float, float]:
    """Valhalla's matrix on its own tiles and its own speeds; building the tiles is not timed."""
    import valhalla

    with tempfile.TemporaryDirectory() as folder:
        config = valhalla.get_config(tile_extract="", tile_dir=folder)
        limits = config["service_limits"]["auto"]
        limits.update(max_matrix_location_pairs=len(places) ** 2, max_locations=len(places) * 2)
        limits["max_matrix_distance"] = 1e9
        config["thor"]["source_to_target_algorithm"] = "costmatrix"
        path = Path(folder) / "valhalla.json"
        path.write_text(json.dumps(config), "utf-8")
        built = subprocess.run(
            [Path(valhalla.__file__).with_name("bin") / "valhalla_build_tiles", "-c", path, source],
            capture_output=True,
            check=False,
        )
        if built.returncode:
            raise RuntimeError(built.stderr.decode()[-500:])
        actor = valhalla.Actor(str(path))
        spots = [{"lon": place.lon, "lat": place.lat} for place in places]
        asked = {"sources": spots, "targets": spots, "costing": "auto", "verbose": False}
        began, began_cpu = time.perf_counter(), time.process_time()
        answer = json.loads(actor.matrix(json.dumps(asked)))
        took = time.perf_counter() - began, time.process_time() - began_cpu
    rows = answer["sources_to_targets"]["durations"]
    return np.array(rows, dtype=np.float64), *took
