"""ISO base media files (MP4, M4A, HEIC) by their boxes: pure functions on bytes."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_TYPE = re.compile(rb"[A-Za-z0-9 \xa9_-]{4}")
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_PLACE = re.compile(rb"([+-]\d{2}\.\d+)([+-]\d{3}\.\d+)")
"""ISO 6709 as phones write it: latitude, longitude."""


_WHOLE = {b"ftyp", b"moov", b"mdat", b"meta", b"moof", b"free", b"skip", b"wide", b"uuid", b"mfra"}
"""Boxes that a recording or picture is made of."""


class Box(NamedTuple):
    """A box and where its content lies."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes from `start`; the last one may reach beyond `end`: bytes are missing then."""
    while start + 8 <= end:
        size, kind = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8]
        content = start + 8
        if size == 1:
            size, content = int.from_bytes(data[start + 8 : start + 16]), start + 16
        elif size == 0:
            size = end - start
        if not _TYPE.fullmatch(kind) or size < content - start:
            return
        yield Box(kind, content, start + size)
        start += size


def end_of_boxes(data: bytes, start: int = 0) -> int | None:
    """Behind the last box; None when a box is cut, or the one that explains the rest lacks."""
    end, kinds = start, set()
    for box in boxes(data, start, len(data)):
        if box.end > len(data) and box.kind not in _WHOLE:
            break  # no box at all, but something behind them
        end = box.end
        kinds.add(box.kind)
    if end > len(data) or not kinds & {b"moov", b"meta"}:
        return None
    return end


class Movie(NamedTuple):
    """What a recording says about itself."""

    tracks: frozenset[bytes]
    """`vide`, `soun`, ..."""
    duration_ms: int | None
    width: int | None
    height: int | None
    taken_at: datetime | None
    taken_place: tuple[float, float] | None


def read_movie(data: bytes) -> Movie | None:
    """The movie header of an MP4 or M4A; None without one."""
    moov = _find(data, Box(b"", 0, len(data)), b"moov")
    header = _find(data, moov, b"mvhd") if moov else None
    if moov is None or header is None:
        return None
    tracks, width, height = set(), None, None
    for track in (each for each in boxes(data, moov.start, moov.end) if each.kind == b"trak"):
        kind, size = _track(data, track)
        tracks.add(kind)
        if kind == b"vide" and size is not None:
            width, height = size
    created, duration_ms = _times(data, header)
    return Movie(frozenset(tracks), duration_ms, width, height, created, _place(data, moov))


def _find(data: bytes, within: Box, *path: bytes) -> Box | None:
    for kind in path:
        found = [each for each in boxes(data, within.start, within.end) if each.kind == kind]
        if not found:
            return None
        within = found[0]
    return within


def _times(data: bytes, header: Box) -> tuple[datetime | None, int | None]:
    wide = data[header.start] == 1
    at, length = header.start + 4, 8 if wide else 4
    created = int.from_bytes(data[at : at + length])
    at += 2 * length
    scale = int.from_bytes(data[at : at + 4])
    duration = int.from_bytes(data[at + 4 : at + 4 + length])
    known = 0 < created < 2**32 and created > 2**31  # phones without a clock write 0 or 1904
    at_time = _EPOCH + timedelta(seconds=created) if known else None
    return at_time, duration * 1000 // scale if scale else None


def _track(data: bytes, track: Box) -> tuple[bytes, tuple[int, int] | None]:
    handler = _find(data, track, b"mdia", b"hdlr")
    kind = data[handler.start + 8 : handler.start + 12] if handler else b""
    header = _find(data, track, b"tkhd")
    if header is None:
        return kind, None
    width, height = (int.from_bytes(data[at : at + 2]) for at in (header.end - 8, header.end - 4))
    return kind, (width, height) if width and height else None


def _place(data: bytes, moov: Box) -> tuple[float, float] | None:
    named = _find(data, moov, b"udta", b"\xa9xyz")
    found = _PLACE.search(data, named.start, named.end) if named else None
    if found is None:
        return None
    lat, lon = float(found[1]), float(found[2])
    return (lon, lat) if abs(lat) <= 90 and abs(lon) <= 180 else None
