"""Files as cameras, thieves and broken phones make them; pure."""

import io
import json
import struct
import zipfile
import zlib
from functools import cache
from hashlib import sha256
from typing import Any

import pillow_heif
from PIL import ExifTags, Image

from app.demo.video import short_video
from tests.app.evidence.at_work import jpeg, png

TEXT = "工单 S01-260115-0001：已更换阀门，未收费。"


@cache
def picture(format_: str, size: tuple[int, int] = (96, 64)) -> bytes:
    """A picture in a format of Pillow's."""
    pillow_heif.register_heif_opener()
    made = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(made, format_)
    return made.getvalue()


def photo(
    taken: str | None = None,
    offset: str | None = None,
    place: tuple[float, float] | None = None,
    *,
    turned: bool = False,
    seed: int = 0,
) -> bytes:
    """A JPEG with EXIF: `taken` as `2026:01:15 08:00:00`, `place` as (lon, lat)."""
    exif = Image.Exif()
    if turned:
        exif[ExifTags.Base.Orientation] = 6
    details = exif.get_ifd(ExifTags.IFD.Exif)
    if taken:
        details[ExifTags.Base.DateTimeOriginal] = taken
    if offset:
        details[ExifTags.Base.OffsetTimeOriginal] = offset
    if place:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        lon, lat = place
        gps[ExifTags.GPS.GPSLatitudeRef] = "S" if lat < 0 else "N"
        gps[ExifTags.GPS.GPSLatitude] = (abs(lat), 0.0, 0.0)
        gps[ExifTags.GPS.GPSLongitudeRef] = "W" if lon < 0 else "E"
        gps[ExifTags.GPS.GPSLongitude] = (abs(lon), 0.0, 0.0)
    made = io.BytesIO()
    Image.new("RGB", (64, 32), (seed, 90, 90)).save(made, "JPEG", exif=exif)
    return made.getvalue()


def video(seconds: int = 2) -> bytes:
    """Two frames a second."""
    return short_video([picture("JPEG")] * (2 * seconds), (96, 64))


def sound(brand: bytes = b"M4A ") -> bytes:
    """The container of a recording without pictures."""
    return video().replace(b"vide", b"soun").replace(b"isom", brand, 1)


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        zipped.writestr("hidden.txt", "not a photo")
    return made.getvalue()


def bomb(side: int) -> bytes:
    """A few kilobytes that say to be `side` x `side` pixels."""

    def piece(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    rows = zlib.compress(b"\0" * min(side * (4 * side + 1), 30_000_000), 9)
    body = piece(b"IHDR", head) + piece(b"IDAT", rows) + piece(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def strokes(**changed: Any) -> bytes:
    """A signature as the phone drew it."""
    text = str(changed.get("text", TEXT))
    said: dict[str, Any] = {
        "version": 1,
        "language": "zh",
        "text": text,
        "text_sha256": sha256(text.encode()).hexdigest(),
        "signed_by": "王女士",
        "signed_at": "2026-01-15T10:20:00+08:00",
        "picture_sha256": sha256(png()).hexdigest(),
        "width": 400,
        "height": 160,
        "strokes": [[[10, 20, 0], [12.5, 24, 40]], [[80, 20, 300]]],
    }
    return json.dumps(said | changed, ensure_ascii=False).encode()


@cache
def garbled() -> bytes:
    """A JPEG whose tables are none."""
    whole = jpeg()
    at = whole.index(b"\xff\xc4") + 5
    return whole[:at] + b"\xee" * 16 + whole[at + 16 :]
