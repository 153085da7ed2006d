"""How much learnt speeds improve promised arrivals.

SIMULATED drives: nothing here was measured on a street. A city has hidden speed factors, 60-150 %
of the prior's for every road class and hour, drawn at random. Crews drive between building-like
places along the engine's roads; a drive takes the sum of its class seconds at the hidden factors,
times log-normal noise, some with a stop. Their phones report fixes every 30-60 s with 7.5 m of
noise, and stand before each drive, at times in silence. The service's own way from fixes to drives
matches those (app/travel), and the learner sees nothing else. Then other drives are promised
with the learnt factors, with the prior's, and by an oracle that knows the hidden factors (and, as
everybody, not the noise).

    python -m benchmarks.eta [--drives 200 800 3000] [--city demo]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from app.demo.map_places import places_from_map
from app.demo.osm_file import write_osm
from app.demo.town import generate_city
from app.travel.drives import drives_in
from app.travel.learning import observation
from app.travel.tracks import Spell, segments
from benchmarks.simulated_drives import DAY_OF_DRIVES, NOISE, HiddenCity, Trip, draw_trip
from routing import (
    CHINA_CITY,
    Fix,
    OsrmEmbedded,
    Place,
    RoutingEngine,
    Stretch,
    Trace,
    Traffic,
    import_map,
)
from routing.drives import Drive, predicted_s
from routing.learning import Learned, learn

HEIDELBERG: Final = Path(__file__).parents[2] / "shared" / "data" / "osm" / "heidelberg.osm.pbf"
OUT: Final = Path(__file__).parent / "out" / "eta.json"
CREW: Final = UUID(int=1)
ZONE: Final = ZoneInfo("Asia/Shanghai")
SEEDS: Final = (1, 2, 3)
HELD_OUT: Final = 300
WAYS: Final = 600
"""More drives than that go some of the ways again, with other noise: cheaper to simulate."""


async def measure(
    engine: RoutingEngine,
    traffic: Traffic,
    places: Sequence[Place],
    *,
    drives: int = 400,
    seeds: Sequence[int] = SEEDS,
    noise: float = NOISE,
) -> dict[str, Any]:
    """Drive, learn and promise once per seed, and average.

    `traffic` holds what the engine's map was built with; it is the learner's prior. Each seed
    draws other hidden factors and other noise; the ways are the same. Figures are means over the
    seeds, errors mean absolute errors of the arrival in seconds. `match_metres_right` is the
    share of the driven metres that the matching found between the same two fixes.
    """
    began_s = time.process_time()
    chance = np.random.default_rng(20_261_120)
    ways = [
        await draw_trip(engine, traffic, places, chance)
        for _ in range(HELD_OUT + min(drives, WAYS))
    ]
    unseen, seen = ways[:HELD_OUT], ways[HELD_OUT:]
    driven = [seen[number % len(seen)] for number in range(drives)]
    rounds = [await _Season(engine, traffic, seed, noise).play(driven, unseen) for seed in seeds]
    mean = {name: float(np.mean([each[name] for each in rounds])) for name in rounds[0]}
    ratios = [each["error_learnt_s"] / each["error_oracle_s"] for each in rounds]
    return {
        "simulated": True,
        "note": "simulated drives, hidden factors and noise; no field data",
        "drives": drives,
        "held_out": HELD_OUT,
        "seeds": list(seeds),
        "noise": noise,
        "km_driven": round(sum(trip.metres for trip in driven) / 1000, 1),
        "eta_error_vs_oracle": round(mean["error_learnt_s"] / mean["error_oracle_s"], 4),
        "eta_error_vs_oracle_worst_seed": round(max(ratios), 4),
        "eta_error_prior_vs_oracle": round(mean["error_prior_s"] / mean["error_oracle_s"], 4),
        **{name: round(value, 4 if name.endswith("right") else 1) for name, value in mean.items()},
        "own_cpu_s": round(time.process_time() - began_s, 1),
    }


class _Season:
    """One seed: what becomes of the drives in a city with hidden factors."""

    def __init__(self, engine: RoutingEngine, traffic: Traffic, seed: int, noise: float) -> None:
        self._engine = engine
        self._prior = traffic.speeds
        self._city = HiddenCity(traffic.speeds, np.random.default_rng(seed), noise)
        self._true_m = self._right_m = self._true_s = self._right_s = 0.0

    async def play(self, driven: Sequence[Trip], unseen: Sequence[Trip]) -> dict[str, float]:
        """Drive, learn, promise; errors in seconds."""
        # Drawn before the driving: however many drives are learnt from, the same are promised.
        taken = [Drive(trip.bucket, trip.free_s, self._city.taken_s(trip)) for trip in unseen]
        observed = [await self._observe(trip) for trip in driven]
        drives = [drive for drive in observed if drive is not None]
        learned = learn(drives, self._prior, learnt_on=DAY_OF_DRIVES)
        return {
            **self._errors(learned, unseen, taken),
            "learnt_from": learned.used,
            "match_metres_right": self._right_m / self._true_m,
            "match_class_seconds_right": self._right_s / self._true_s,
        }

    def _errors(
        self, learned: Learned, unseen: Sequence[Trip], taken: Sequence[Drive]
    ) -> dict[str, float]:
        promised = {
            "error_learnt_s": [predicted_s(learned.profile, drive) for drive in taken],
            "error_oracle_s": [self._city.median_s(trip) for trip in unseen],
            "error_prior_s": [predicted_s(self._prior, drive) for drive in taken],
        }
        taken_s = np.array([drive.taken_s for drive in taken])
        errors = {
            name: float(np.abs(np.array(each) - taken_s).mean()) for name, each in promised.items()
        }
        return {**errors, "median_drive_s": float(np.median(taken_s))}

    async def _observe(self, trip: Trip) -> Drive | None:
        """Give what the phone and the service make of a drive, and keep the score of the map."""
        parked, (driven, at_m) = self._city.parked(trip), self._city.reported(trip)
        really_m = dict.fromkeys((fix.at for fix in parked), 0.0)
        really_m |= {fix.at: metres for fix, metres in zip(driven, at_m.tolist(), strict=True)}
        spell = Spell(CREW, trip.depart_at, driven[-1].at, arrived=True)
        watched = _Watched(self._engine)
        drive = None
        for segment in segments([[*parked, *driven[1:]]], []):
            for each in await drives_in(watched, CREW, segment, [spell]):
                if each.observed:
                    drive = observation(each, self._prior, self._prior)
        self._true_m += trip.metres
        for stretch in watched.stretches:
            true_m = really_m[stretch.reached_at] - really_m[stretch.left_at]
            self._right_m += max(true_m - abs(stretch.metres - true_m), 0.0)
        self._true_s += sum(trip.free_s)
        if drive is not None:
            self._right_s += sum(map(min, drive.class_seconds, trip.free_s))
        return drive


class _Watched:
    """The engine, and a note of every stretch that it matched."""

    def __init__(self, engine: RoutingEngine) -> None:
        self.snap, self.matrix, self.route = engine.snap, engine.matrix, engine.route
        self._match = engine.match
        self.stretches: list[Stretch] = []

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        trace = await self._match(fixes)
        self.stretches += trace.stretches
        return trace


def city_and_places(city: str, count: int, work: Path) -> tuple[Path, list[Place]]:
    """Give a map and places where people live: Heidelberg when it is there, else the demo's."""
    if city == "heidelberg" and HEIDELBERG.exists():
        source, drawn = HEIDELBERG, places_from_map(HEIDELBERG, count, seed=7)
    else:
        source, drawn = work / "demo-city.osm.pbf", generate_city(7)
        write_osm(drawn, source)
    every = max(len(drawn.buildings) // count, 1)
    return source, [Place(*building.location) for building in drawn.buildings[::every]]


async def _measure_alone(
    city: str, counts: Sequence[int], noise: float, maps_dir: Path
) -> dict[str, Any]:
    source, places = city_and_places(city, 1000, maps_dir)
    await asyncio.to_thread(import_map, source, maps_dir)
    async with OsrmEmbedded(maps_dir, ZONE) as engine:
        runs = [
            await measure(engine, Traffic(CHINA_CITY, ZONE), places, drives=count, noise=noise)
            for count in counts
        ]
    return {"city": source.name.split(".")[0], "runs": runs}


def main() -> None:
    """Measure alone, print, and write `out/eta.json`."""
    ask = argparse.ArgumentParser(description="Simulated: learnt arrival times against an oracle")
    ask.add_argument("--drives", type=int, nargs="+", default=[400])
    ask.add_argument("--city", choices=("heidelberg", "demo"), default="heidelberg")
    ask.add_argument("--noise", type=float, default=NOISE)
    ask.add_argument("--maps", type=Path, help="keep the map here and reuse it")
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        maps_dir = asked.maps or Path(folder)
        found = asyncio.run(_measure_alone(asked.city, asked.drives, asked.noise, maps_dir))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
