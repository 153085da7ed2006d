"""Asks built datasets for drives with OSRM's binding, in another process: it holds the GIL."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from routing import Place

_SCRIPT = """
import json, sys, osrm

def drive(dataset, start, end):
    engine = osrm.OSRM(storage_config=dataset, use_shared_memory=False, algorithm="CH")
    asked = osrm.RouteParameters(coordinates=[tuple(start), tuple(end)], steps=True)
    try:
        answer = engine.Route(asked)
    except RuntimeError:
        return None
    route = answer["routes"][0]
    classes = set()
    for step in route["legs"][0]["steps"]:
        for crossing in step["intersections"]:
            if "classes" in crossing:
                classes.add("+".join(crossing["classes"]))
    off = max(point["distance"] for point in answer["waypoints"])
    return route["duration"], route["distance"], sorted(classes), off

json.dump([drive(*asked) for asked in json.load(sys.stdin)], sys.stdout)
"""


@dataclass(frozen=True)
class Drive:
    """One drive: `classes` are the road classes passed, `off_m` the farther snap of its ends."""

    seconds: float
    metres: float
    classes: tuple[str, ...]
    off_m: float

    @property
    def kmh(self) -> float:
        """The average speed."""
        return self.metres / self.seconds * 3.6


def drives(asked: list[tuple[Path, Place, Place]]) -> list[Drive | None]:
    """Drive from a place to another in each dataset folder; None where there is no road."""
    question = [(str(folder / "city.osrm"), start, end) for folder, start, end in asked]
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        None if answer is None else Drive(answer[0], answer[1], tuple(answer[2]), answer[3])
        for answer in json.loads(done.stdout)
    ]


def must_drive(asked: list[tuple[Path, Place, Place]]) -> list[Drive]:
    """Do the same where there is a road for sure."""
    found = [drive for drive in drives(asked) if drive is not None]
    assert len(found) == len(asked)
    return found
