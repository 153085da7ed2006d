"""Reads the FlatBuffers tables of `osrm-routed` straight into numpy.

OSRM publishes the layout in `include/engine/api/flatbuffers/*.fbs`; slots count from 0. A table
of 1000 x 1000 is read in milliseconds, where JSON takes longer than OSRM itself.

FlatBuffers have no null: **a pair without a road comes as 0.0**. Tables are therefore always asked
with a `fallback_speed`; then OSRM lists such cells, and only such cells, by row and column.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from flatbuffers import encode, number_types
from flatbuffers.table import Table as FlatTable
from numpy.typing import DTypeLike, NDArray

from routing.engine import EngineFailed

FALLBACK_SPEED: Final = "1"
"""Metres per second; the value is never used, asking for it makes OSRM list the cells."""

# FBResult, Table and Waypoint of fbresult.fbs, table.fbs and waypoint.fbs
_DATA_VERSION, _WAYPOINTS, _TABLE = 2, 3, 5
_DURATIONS, _DESTINATIONS, _FALLBACK_CELLS = 0, 4, 5
_DISTANCE, _LOCATION = 1, 3


FAR_SNAP_M: Final = 300.0
"""Farther from its road than this, a place's road times mean nothing (ROUTING)."""


@dataclass(frozen=True, slots=True)
class RoadEnds:
    """Where the points of one side of a table joined the roads: lon/lat [n, 2], metres [n].

    Degrees are 32-bit here, right to about half a metre.
    """

    snapped: NDArray[np.float32]
    distance_m: NDArray[np.float32]

    @property
    def far(self) -> NDArray[np.bool_]:
        """Mark the points that are too far from their road."""
        return self.distance_m > FAR_SNAP_M


@dataclass(frozen=True, slots=True)
class RoadTable:
    """One table as OSRM gave it: seconds [n, m], and the cells (k, 2) without a road."""

    durations_s: NDArray[np.float32]
    missing: NDArray[np.intp]
    sources: RoadEnds
    targets: RoadEnds
    data_version: str | None


def read_table(body: bytes, rows: int, columns: int) -> RoadTable:
    """Read a table answer; raises EngineFailed when it is not what was asked for."""
    try:
        root = FlatTable(body, encode.Get(number_types.UOffsetTFlags.packer_type, body, 0))
        table = _child(root, _TABLE)
        read = RoadTable(
            durations_s=_vector(table, _DURATIONS, "<f4").reshape(rows, columns),
            missing=_vector(table, _FALLBACK_CELLS, "<u4").astype(np.intp).reshape(-1, 2),
            sources=_ends(root, _WAYPOINTS, rows),
            targets=_ends(table, _DESTINATIONS, columns),
            data_version=_text(root, _DATA_VERSION),
        )
    except (ValueError, IndexError, TypeError, struct.error, UnicodeDecodeError) as error:
        raise EngineFailed(f"the table answer is malformed: {error!r}") from error
    if not (read.durations_s >= 0).all() or np.isinf(read.durations_s).any():
        raise EngineFailed("the table answer holds impossible durations")
    return read


def _slot(table: Any, slot: int) -> int:
    """Give the position of a field, 0 when it is absent."""
    offset = int(table.Offset(4 + 2 * slot))
    return int(table.Pos) + offset if offset else 0


def _child(table: Any, slot: int) -> Any:
    place = _slot(table, slot)
    if not place:
        raise ValueError(f"field {slot} is missing")
    return FlatTable(table.Bytes, table.Indirect(place))


def _text(table: Any, slot: int) -> str | None:
    place = _slot(table, slot)
    return table.String(place).decode() if place else None


def _vector(table: Any, slot: int, dtype: str) -> NDArray[Any]:
    place = _slot(table, slot)
    if not place:
        return np.zeros(0, dtype)
    offset = place - int(table.Pos)
    return np.frombuffer(table.Bytes, dtype, table.VectorLen(offset), table.Vector(offset))


def _ends(table: Any, slot: int, count: int) -> RoadEnds:
    """Read a vector of waypoints all at once: two thousand of them one by one take 50 ms."""
    body = np.frombuffer(table.Bytes, np.uint8)
    offsets = _vector(table, slot, "<u4").astype(np.intp)
    start = int(table.Vector(_slot(table, slot) - int(table.Pos)))
    places = start + 4 * np.arange(len(offsets)) + offsets
    if len(places) != count:
        raise ValueError(f"{len(places)} ends for {count} points")
    distance = _fields(body, places, _DISTANCE)
    location = np.stack(
        [_fields(body, places, _LOCATION), _fields(body, places, _LOCATION, 4)], axis=1
    )
    return RoadEnds(location.reshape(count, 2), distance)


def _fields(
    body: NDArray[np.uint8], tables: NDArray[np.intp], slot: int, shift: int = 0
) -> NDArray[np.float32]:
    """Give one float field of many tables; an absent field is 0, as the format says."""
    layouts = tables - _gather(body, tables, "<i4")
    known = _gather(body, layouts, "<u2") > 4 + 2 * slot
    offsets = np.where(known, _gather(body, layouts + np.where(known, 4 + 2 * slot, 0), "<u2"), 0)
    values: NDArray[np.float32] = _gather(body, tables + offsets + shift, "<f4")
    return np.where((offsets > 0) & known, values, np.float32(0))


def _gather(body: NDArray[np.uint8], places: NDArray[np.intp], dtype: DTypeLike) -> NDArray[Any]:
    kind = np.dtype(dtype)
    taken = body[places[:, None] + np.arange(kind.itemsize)]
    return np.ascontiguousarray(taken).view(kind)[:, 0]
