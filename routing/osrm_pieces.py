"""Which part of a drive went over which road class, from OSRM's steps and annotations."""

from collections.abc import Iterator
from typing import Any

from routing.speeds import ROAD_CLASSES

_INDEX = {road.value: index for index, road in enumerate(ROAD_CLASSES)}


def class_seconds(leg: dict[str, Any]) -> tuple[float, ...] | None:
    """Give a leg's seconds by road class (order of ROAD_CLASSES), as many as the leg takes.

    Annotations hold the seconds of each piece of road without the turns; what turns and signals
    cost is spread over the classes in proportion. None when the map names no classes. Raises
    KeyError, TypeError or ValueError for a malformed leg.
    """
    seconds = [0.0] * len(ROAD_CLASSES)
    pieces = leg["annotation"]["duration"]
    for road, piece_s in zip(_roads(leg["steps"]), pieces, strict=True):
        if road is None:
            return None
        seconds[road] += piece_s
    driven_s = sum(seconds)
    if not driven_s:
        return tuple(seconds)
    return tuple(each * leg["duration"] / driven_s for each in seconds)


def _roads(steps: list[dict[str, Any]]) -> Iterator[int | None]:
    """Give the road class of each piece of a leg: it changes only where roads meet.

    A step begins at its first crossing, which rounding may set a metre off the step's line.
    """
    for step in steps[:-1]:  # the last step is the arrival, it has no road
        crossings = iter(step["intersections"])
        road, crossing = _known(next(crossings, {})), next(crossings, None)
        for number, point in enumerate(step["geometry"]["coordinates"][:-1]):
            if number and crossing is not None and point == crossing["location"]:
                road, crossing = _known(crossing), next(crossings, None)
            yield road


def _known(crossing: dict[str, Any]) -> int | None:
    names = crossing.get("classes", ())
    return next((_INDEX[name] for name in names if name in _INDEX), None)
