"""Where a picture ends, and what hides behind it: pure functions on bytes."""

import re

from app.evidence.inspection.boxes import end_of_boxes
from app.evidence.inspection.findings import Rejected

_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Inside coded data: neither a stuffed byte, nor a restart, nor filling."""
_PADDING = re.compile(rb"(?:[\x00\r\n ]|\xff(?!\xd8))*")
_SAMSUNG_TRAILER = b"SEFT"
_LOOKED_THROUGH = 65_536
_PAGES = (b"<html", b"<script", b"<!doctype", b"<?php", b"<svg", b"<iframe", b"<body")
_FILES = (
    *(b"pk\x03\x04", b"pk\x05\x06", b"%pdf-", b"rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c"),
    *(b"\x7felf", b"\xca\xfe\xba\xbe", b"cr24"),
)
"""In lower case, as they are looked for."""
_STARTS = (b"MZ", b"#!")


def jpeg_end(data: bytes, start: int = 0) -> tuple[int, int] | None:
    """(where the first scan begins, just behind the end marker); None when there is no end."""
    at, first_scan = start + 2, None
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xD9:
            return first_scan or at, at + 2
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:
            first_scan = first_scan or at
            found = _NEXT_MARKER.search(data, at)
            if found is None:
                return None
            at = found.start()
            if data[at + 1] == 0xD9:
                return first_scan, at + 2


def png_end(data: bytes) -> int | None:
    """Just behind the IEND chunk; None when there is none."""
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"IEND":
            return end if end <= len(data) else None
        at = end
    return None


def riff_end(data: bytes) -> int | None:
    """Where the RIFF container ends by its own length; None when bytes are missing."""
    end = 8 + int.from_bytes(data[4:8], "little")
    return end if end <= len(data) else None


def end_of(media_type: str, data: bytes) -> tuple[int, int]:
    """(the length of head and metadata, where the picture ends); raises Rejected, truncated."""
    if media_type == "image/jpeg":
        found = jpeg_end(data)
        if found is not None:
            return found
    else:
        find = {"image/png": png_end, "image/webp": riff_end}.get(media_type, end_of_boxes)
        end = find(data)
        if end is not None:
            return min(end, 1024), end
    raise Rejected("truncated")


def check_foreign(data: bytes, head: int, end: int) -> None:
    """Raises Rejected when an archive, a page or a program hides in the metadata or the tail.

    What cameras append themselves (gain maps, motion videos, their own trailers) is let be.
    """
    metadata = data[:head].lower()
    hidden = b"%pdf-" in metadata[:1024] or any(page in metadata for page in _PAGES)
    if hidden or has_zip_directory(data) or _is_foreign(data[_behind_camera(data, end) :]):
        raise Rejected("foreign-data")


def has_zip_directory(data: bytes) -> bool:
    """Whether an unzipper would find an archive here: a directory at the end that adds up."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - 22 - _LOOKED_THROUGH))
    if at < 0 or at + 22 > len(data):
        return False
    directory = at - int.from_bytes(data[at + 12 : at + 16], "little")
    return directory >= 0 and data[directory : directory + 4] in (b"PK\x01\x02", b"PK\x05\x06")


def _behind_camera(data: bytes, end: int) -> int:
    """Behind the padding, pictures and videos that cameras append to a picture."""
    while True:
        padded = _PADDING.match(data, end)
        end = padded.end() if padded else end
        reached = None
        if data[end : end + 3] == b"\xff\xd8\xff":
            found = jpeg_end(data, end)
            reached = found[1] if found else None
        elif data[end + 4 : end + 8] == b"ftyp":
            reached = end_of_boxes(data, end)
        if reached is None:
            return end
        end = reached


def _is_foreign(tail: bytes) -> bool:
    if not tail or tail.endswith(_SAMSUNG_TRAILER):
        return False
    looked = tail[:_LOOKED_THROUGH].lower()
    return tail.startswith(_STARTS) or any(each in looked for each in (*_PAGES, *_FILES))
