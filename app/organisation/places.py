"""Stored geography as plain values."""

from typing import Any

from geoalchemy2.shape import to_shape
from shapely.geometry import mapping

from app.core.geo import PlaceOut

Rings = list[list[list[list[float]]]]


def place_out(stored: Any) -> PlaceOut:
    """A stored WGS-84 point as lon and lat."""
    point = to_shape(stored)
    return PlaceOut(lon=point.x, lat=point.y)


def rings_of(stored: Any) -> Rings:
    """The GeoJSON coordinates of a stored area, polygons of rings of [lon, lat]."""
    polygons = mapping(to_shape(stored))["coordinates"]
    return [[[list(each) for each in ring] for ring in rings] for rings in polygons]
