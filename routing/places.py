"""Places on the earth and straight-line distances between them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth (IUGG), metres."""


class Place(NamedTuple):
    """One place in WGS-84 degrees, longitude first, as in GeoJSON."""

    lon: float
    lat: float


def coordinates(places: Sequence[Place]) -> NDArray[np.float64]:
    """Give places as an array of shape [n, 2] (lon, lat in degrees).

    Raises ValueError for a coordinate that is not on the earth, so that swapped or missing values
    are stopped before they become a travel time.
    """
    array = np.array(places, dtype=np.float64).reshape(len(places), 2)
    bad = ~((np.abs(array[:, 0]) <= 180.0) & (np.abs(array[:, 1]) <= 90.0))
    if bad.any():
        index = int(np.argmax(bad))
        raise ValueError(f"place {index} is not on the earth: {tuple(array[index].tolist())}")
    return array


def straight_m(sources: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give great-circle distances in metres, shape [len(sources), len(targets)] (haversine)."""
    lon_a, lat_a = np.radians(sources).T[:, :, None]
    lon_b, lat_b = np.radians(targets).T[:, None, :]
    half = (
        np.sin((lat_b - lat_a) / 2) ** 2
        + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    )
    distance: NDArray[np.float64] = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distance


def same_place(sources: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the pairs that are one and the same point, shape [len(sources), len(targets)]."""
    same: NDArray[np.bool_] = (sources[:, None, :] == targets[None, :, :]).all(axis=2)
    return same
