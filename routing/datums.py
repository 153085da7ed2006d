"""Chinese map datums: WGS-84 in, GCJ-02 or BD-09 out, and back, whole arrays at once.

Phones in China report GCJ-02 (AMap, Tencent) or BD-09 (Baidu), hundreds of metres off WGS-84.
The forward formulas are the published ones; the inverse has no closed form and is iterated
(ROUTING, "Datums": three rounds leave 0.13 mm). Points outside China's box are never moved.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

type Degrees = NDArray[np.float64]
type Pair = tuple[Degrees, Degrees]

WEST, EAST, SOUTH, NORTH = 72.004, 137.8347, 0.8293, 55.8271
"""China's box in degrees, as the published GCJ-02 formula draws it."""

_AXIS_M: Final = 6_378_245.0
"""Semi-major axis of the Krasovsky 1940 ellipsoid, metres."""
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_BAIDU_WAVE: Final = np.pi * 3000.0 / 180.0
_ROUNDS: Final = 3


class Datum(StrEnum):
    """The datum in which a pair of coordinates is written."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> Pair:
    """Give WGS-84 degrees for coordinates in `datum`; arrays of any one shape.

    Within about 1.5 km of the box's edge a shifted point may lie on the other side of it: such
    points (open sea, other countries) are judged by the side on which they were given.
    """
    x, y = _floats(lon, lat)
    if datum is Datum.WGS84:
        return x, y
    forward = _gcj02_from_wgs84 if datum is Datum.GCJ02 else _bd09_from_wgs84
    return _in_china_only(lambda a, b: _invert(forward, a, b), x, y)


def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> Pair:
    """Give coordinates in `datum` for WGS-84 degrees; arrays of any one shape."""
    x, y = _floats(lon, lat)
    if datum is Datum.WGS84:
        return x, y
    forward = _gcj02_from_wgs84 if datum is Datum.GCJ02 else _bd09_from_wgs84
    return _in_china_only(forward, x, y)


def in_china_box(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points that the Chinese datums move."""
    x, y = _floats(lon, lat)
    inside: NDArray[np.bool_] = (x >= WEST) & (x <= EAST) & (y >= SOUTH) & (y <= NORTH)
    return inside


def _floats(lon: ArrayLike, lat: ArrayLike) -> Pair:
    x, y = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    return x, y


def _in_china_only(shift: Callable[[Degrees, Degrees], Pair], lon: Degrees, lat: Degrees) -> Pair:
    inside = in_china_box(lon, lat)
    moved_lon, moved_lat = shift(lon, lat)
    return np.where(inside, moved_lon, lon), np.where(inside, moved_lat, lat)


def _invert(forward: Callable[[Degrees, Degrees], Pair], lon: Degrees, lat: Degrees) -> Pair:
    """Find the point that `forward` moves here: the shift changes slowly, so subtract the error."""
    guess_lon, guess_lat = lon, lat
    for _ in range(_ROUNDS):
        seen_lon, seen_lat = forward(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - seen_lon), guess_lat + (lat - seen_lat)
    return guess_lon, guess_lat


def _gcj02_from_wgs84(lon: Degrees, lat: Degrees) -> Pair:
    east, north = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(east))
    ripple = 20 * np.sin(6 * np.pi * east) + 20 * np.sin(2 * np.pi * east)
    north_m = -100 + 2 * east + 3 * north + 0.2 * north**2 + 0.1 * east * north + 0.2 * root
    north_m = north_m + (ripple + _waves(north, 160, 320)) * 2 / 3
    east_m = 300 + east + 2 * north + 0.1 * east**2 + 0.1 * east * north + 0.1 * root
    east_m = east_m + (ripple + _waves(east, 150, 300)) * 2 / 3
    angle = np.radians(lat)
    flattening = 1 - _ECCENTRICITY_SQUARED * np.sin(angle) ** 2
    meridian_m = _AXIS_M * (1 - _ECCENTRICITY_SQUARED) / flattening**1.5
    parallel_m = _AXIS_M / np.sqrt(flattening) * np.cos(angle)
    return lon + np.degrees(east_m / parallel_m), lat + np.degrees(north_m / meridian_m)


def _waves(x: Degrees, short: float, long: float) -> Degrees:
    """Give the slow waves along one axis; only the amplitudes of the longest two differ by axis."""
    wave: Degrees = 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)
    wave = wave + short * np.sin(np.pi * x / 12) + long * np.sin(np.pi * x / 30)
    return wave


def _bd09_from_wgs84(lon: Degrees, lat: Degrees) -> Pair:
    x, y = _gcj02_from_wgs84(lon, lat)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BAIDU_WAVE)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BAIDU_WAVE)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
