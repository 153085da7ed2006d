"""Writes table answers as `osrm-routed` does, for servers that tests make up."""

from collections.abc import Sequence

import flatbuffers

type Ends = Sequence[tuple[float, float, float]]
"""lon, lat and metres to the road of each end."""


def flat_table(
    durations: Sequence[float],
    sources: Ends,
    targets: Ends,
    *,
    missing: Sequence[int] = (),
    data_version: str | None = None,
) -> bytes:
    """Give the bytes of an answer; `missing` lists row, column, row, column, ..."""
    builder = flatbuffers.Builder(1024)
    source_ends, target_ends = _ends(builder, sources), _ends(builder, targets)
    seconds = _numbers(builder, durations, builder.PrependFloat32)
    cells = _numbers(builder, missing, builder.PrependUint32)
    version = builder.CreateString(data_version) if data_version is not None else None
    table = _table(builder, 6, {0: seconds, 4: target_ends, 5: cells})
    fields = {3: source_ends, 5: table}
    if version is not None:
        fields[2] = version
    builder.Finish(_table(builder, 7, fields))
    return bytes(builder.Output())


def _ends(builder: flatbuffers.Builder, ends: Ends) -> int:
    return _offsets(builder, [_end(builder, *end) for end in ends])


def _end(builder: flatbuffers.Builder, lon: float, lat: float, metres: float) -> int:
    builder.StartObject(9)
    builder.PrependFloat32Slot(1, metres, 0.0)  # 0.0 is left out, as OSRM does
    builder.Prep(4, 8)
    builder.PrependFloat32(lat)
    builder.PrependFloat32(lon)
    builder.PrependStructSlot(3, builder.Offset(), 0)
    return int(builder.EndObject())


def _table(builder: flatbuffers.Builder, slots: int, fields: dict[int, int]) -> int:
    builder.StartObject(slots)
    for slot, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _offsets(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _numbers(builder: flatbuffers.Builder, values: Sequence[float], prepend: object) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        prepend(value)  # type: ignore[operator]
    return int(builder.EndVector())
