"""Our travel times beside raw OSRM, scipy and Valhalla, on Heidelberg, in one run.

    make bench-routing                 # or: python -m benchmarks.routing [--city demo]

CPU is counted in our process and in the servers that it started; a ratio compares two medians of
runs taken in turn. Raw OSRM is the wheel's own binding in a process of its own, from parameters to
its answer, before a single number is read. `http_vs_embedded` asks in blocks of 300, whose address
every proxy lets through; `http_whole` in one table, `http_stock` in the hundreds of a stock server.
Writes `out/routing.json`.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import eta
from benchmarks.routing_peers import peers
from routing import (
    CHINA_CITY,
    HourBucket,
    MapReport,
    MatrixCache,
    OsrmEmbedded,
    OsrmHttp,
    OsrmServer,
    Place,
    Traffic,
    import_map,
    triangle_excess,
)
from routing.map_build import DATASET_NAME

OUT: Final = Path(__file__).parent / "out" / "routing.json"
MIDDAY: Final = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)
"""12:00 in Shanghai: the bucket `day`."""
RUNS: Final = 5
POINTS: Final = 1000
ADDED: Final = 20
TICK_S: Final = 0.001
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
LIMITS: Final = {
    "matrix_1000_vs_raw_osrm": 1.8,
    "rows_60x1000_s": 0.3,
    "add_20_orders_cpu_s": 0.6,
    "loop_stall_ms": 20.0,
    "http_vs_embedded": 4.0,
    "eta_error_vs_oracle": 1.15,
}


class RawOsrm:
    """The wheel's binding in a process of its own; each question gives the CPU of one table."""

    PROGRAM = """
import json, sys, time
import osrm
dataset, points = json.loads(sys.stdin.readline())
roads = osrm.OSRM(algorithm="CH", storage_config=dataset, use_shared_memory=False,
                  max_locations_distance_table=10000)
for _ in sys.stdin:
    asked = osrm.TableParameters(coordinates=points, annotations=["duration"],
                                 generate_hints=False)
    before = time.process_time()
    roads.Table(asked)
    print(time.process_time() - before, flush=True)
"""

    def __init__(self, dataset: Path, points: Sequence[Place]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps([str(dataset), [list(point) for point in points]]))

    def cpu_s(self) -> float:
        """Ask once."""
        self._say("again")
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


def cpu_of(pids: Sequence[int]) -> float:
    """CPU seconds of this process and of its servers until now."""
    total = time.process_time()
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return total


async def cpu_s(pids: Callable[[], Sequence[int]], act: Callable[[], Awaitable[Any]]) -> float:
    """CPU seconds of one question, ours and the servers'."""
    before = cpu_of(pids())
    await act()
    return cpu_of(pids()) - before


async def wall_s(act: Callable[[], Awaitable[Any]]) -> float:
    """Seconds on the clock of one question."""
    before = time.perf_counter()
    await act()
    return time.perf_counter() - before


async def stall_ms(act: Callable[[], Awaitable[Any]]) -> float:
    """The longest time that a ticking coroutine had to wait beyond its tick."""
    longest = 0.0
    running = asyncio.ensure_future(act())
    while not running.done():
        before = time.perf_counter()
        await asyncio.sleep(TICK_S)
        longest = max(longest, time.perf_counter() - before - TICK_S)
    await running
    return longest * 1000


async def measure(report: MapReport, maps_dir: Path, places: Sequence[Place]) -> dict[str, Any]:
    """All figures of one imported map; `places` are at least POINTS + ADDED."""
    known, grown = places[:POINTS], places[: POINTS + ADDED]
    dataset = report.version_dir / HourBucket.DAY
    raw = RawOsrm(dataset / DATASET_NAME, known)
    found: defaultdict[str, list[float]] = defaultdict(list)
    async with (
        OsrmEmbedded(maps_dir, eta.ZONE) as engine,
        OsrmServer(dataset) as server,
        OsrmHttp(server.base_url, Traffic(CHINA_CITY, eta.ZONE), block=100) as stock,
        OsrmHttp(server.base_url, Traffic(CHINA_CITY, eta.ZONE), block=300) as proxied,
        OsrmHttp(server.base_url, Traffic(CHINA_CITY, eta.ZONE)) as own,
    ):

        async def whole() -> None:
            await engine.matrix(known, known, MIDDAY)

        await whole()  # starts the server
        raw.cpu_s()
        for _ in range(RUNS):
            found["raw"].append(raw.cpu_s())
            found["ours"].append(await cpu_s(lambda: engine.pids, whole))
            found["wall"].append(await wall_s(whole))
            found["stall"].append(await stall_ms(whole))
            found["rows"].append(await wall_s(lambda: engine.matrix(places[-60:], known, MIDDAY)))
            found["http_stock"].append(await wall_s(lambda: stock.matrix(known, known, MIDDAY)))
            found["http_300"].append(await wall_s(lambda: proxied.matrix(known, known, MIDDAY)))
            found["http"].append(await wall_s(lambda: own.matrix(known, known, MIDDAY)))
            added, *stalls = await _remembered(maps_dir, known, grown)
            found["add"].append(added)
            found["stall"] += stalls
    raw.close()
    return _figures(found)


def _figures(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Medians and ratios; of the stalls the longest."""
    middle = {name: statistics.median(values) for name, values in found.items()}
    return {
        "matrix_1000_vs_raw_osrm": round(middle["ours"] / middle["raw"], 3),
        "rows_60x1000_s": round(middle["rows"], 4),
        "add_20_orders_cpu_s": round(middle["add"], 3),
        "loop_stall_ms": round(max(found["stall"]), 2),
        "http_whole_vs_embedded": round(middle["http"] / middle["wall"], 2),
        "http_vs_embedded": round(middle["http_300"] / middle["wall"], 2),
        "http_stock_vs_embedded": round(middle["http_stock"] / middle["wall"], 2),
        "raw_osrm_cpu_s": round(middle["raw"], 3),
        "matrix_1000_cpu_s": round(middle["ours"], 3),
        "matrix_1000_wall_s": round(middle["wall"], 3),
    }


async def _remembered(
    maps_dir: Path, known: Sequence[Place], grown: Sequence[Place]
) -> tuple[float, float, float, float]:
    """With a cache: CPU of ADDED places among known ones; stalls of first, grown and known."""
    with tempfile.TemporaryDirectory() as folder:
        async with OsrmEmbedded(maps_dir, eta.ZONE, cache=MatrixCache(Path(folder))) as engine:
            await engine.snap(known[:1])  # starts the server
            first = await stall_ms(lambda: engine.matrix(known, known, MIDDAY))
            added = await cpu_s(lambda: engine.pids, lambda: engine.matrix(grown, grown, MIDDAY))
            mixed = [*known[ADDED:], *grown[POINTS:]]
            again = await stall_ms(lambda: engine.matrix(mixed, mixed, MIDDAY))
            whole = await stall_ms(lambda: engine.matrix(grown, grown, MIDDAY))
            return added, first, again, whole


async def run(city: str, maps_dir: Path, drives: int) -> dict[str, Any]:
    """Import the map and take every figure."""
    source, places = eta.city_and_places(city, POINTS + ADDED, maps_dir)
    report = await asyncio.to_thread(import_map, source, maps_dir)
    figures = await measure(report, maps_dir, places)
    async with OsrmEmbedded(maps_dir, eta.ZONE) as engine:
        traffic = Traffic(CHINA_CITY, eta.ZONE)
        figures["eta"] = await eta.measure(engine, traffic, places[:POINTS], drives=drives)
        ours = await engine.matrix(places[:POINTS], places[:POINTS], MIDDAY)
    figures["triangle_excess"] = asdict(triangle_excess(ours))
    figures["eta_error_vs_oracle"] = figures["eta"]["eta_error_vs_oracle"]
    figures["peers"] = peers(source, places[:POINTS], ours.seconds)
    return {
        "city": source.name,
        "road_nodes": report.road_nodes,
        "import_s": report.took_s,
        "points": POINTS,
        "runs": RUNS,
        "machine": {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        **figures,
        "limits": LIMITS,
        "missed": [name for name, limit in LIMITS.items() if figures[name] > limit],
    }


def main() -> int:
    """Measure, print a table, write the JSON; 1 when a limit was missed."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--city", choices=("heidelberg", "demo"), default="heidelberg")
    ask.add_argument("--drives", type=int, default=800)
    ask.add_argument("--maps", type=Path, help="keep the map here and reuse it")
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run(asked.city, asked.maps or Path(folder), asked.drives))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    for name, limit in LIMITS.items():
        verdict = "MISSED" if name in found["missed"] else "kept"
        print(f"{name:28} {found[name]:>9}  limit {limit:<6} {verdict}")
    print(json.dumps(found["peers"], indent=2))
    print(f"written to {OUT.relative_to(OUT.parents[2])}")
    return 1 if found["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
