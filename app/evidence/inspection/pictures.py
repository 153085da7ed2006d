"""Opening a picture with Pillow; only the decoding process imports this."""

import base64
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pillow_heif
from PIL import ExifTags, Image, ImageOps

from app.evidence.inspection.endings import check_foreign, end_of
from app.evidence.inspection.findings import Findings, Rejected, Taken, Task

_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
}
_QUALITY = 70
_STAMP = "%Y:%m:%d %H:%M:%S"
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, LookupError, ArithmeticError, RuntimeError)
"""What Pillow's decoders raise for bytes that are no picture."""


def prepare() -> None:
    """Load every decoder, so that nothing needs a file or a socket later."""
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before a pixel is decoded
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener(thumbnails=False)
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = "2026:01:15 08:00:00"
    exif[ExifTags.Base.Orientation] = 6
    for format_ in ("JPEG", "PNG", "WEBP"):
        made = io.BytesIO()
        Image.new("RGBA" if format_ == "PNG" else "RGB", (16, 16)).save(made, format_, exif=exif)
        made.seek(0)
        with Image.open(made, formats=[format_]) as picture:
            _taken(picture)
            _thumbnail(picture, 8)
    _instant("2026:01:15 08:00:00", "+08:00")


def examine_picture(data: bytes, task: Task) -> Findings:
    """What the picture shows; raises Rejected."""
    head, end = end_of(task.media_type, data)
    check_foreign(data, head, end)
    try:
        with Image.open(io.BytesIO(data), formats=[_FORMATS[task.media_type]]) as picture:
            if picture.width * picture.height > task.pixels:
                raise Rejected("too-many-pixels")
            taken = _taken(picture)
            width, height = _upright(picture)
            thumbnail = _thumbnail(picture, task.thumbnail_px)
    except _DAMAGE as error:
        raise Rejected("undecodable") from error
    return Findings(
        width=width,
        height=height,
        taken_at=taken.at,
        taken_place=taken.place,
        thumbnail=base64.b64encode(thumbnail).decode(),
    )


def _upright(picture: Image.Image) -> tuple[int, int]:
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (picture.height, picture.width) if turned else picture.size


def _thumbnail(picture: Image.Image, longest: int) -> bytes:
    """WebP without metadata. A JPEG is decoded at the scale that suffices; all its bytes are."""
    picture.draft("RGB", (longest, longest))
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((longest, longest))
    mode = "RGBA" if "A" in upright.getbands() else "RGB"
    made = io.BytesIO()
    upright.convert(mode).save(made, "WEBP", quality=_QUALITY, method=2, exif=b"", xmp=b"")
    return made.getvalue()


def _taken(picture: Image.Image) -> Taken:
    """Time and place of the EXIF; what it holds of nonsense counts as not there."""
    exif = picture.getexif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    stamp = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    offset = details.get(ExifTags.Base.OffsetTimeOriginal) or details.get(ExifTags.Base.OffsetTime)
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    return Taken(_instant(stamp, offset or ""), _place(gps))


def _instant(stamp: Any, offset: Any) -> str | None:
    for text, format_ in (
        (f"{stamp}{offset}", "%Y:%m:%d %H:%M:%S%z"),
        (stamp, "%Y:%m:%d %H:%M:%S"),
    ):
        try:
            at = datetime.strptime(text, format_)  # noqa: DTZ007 - the reader adds the zone
        except (TypeError, ValueError):
            continue
        if at.tzinfo is not None:
            at = at.astimezone(UTC)
        if timedelta() < at.replace(tzinfo=None) - datetime(1990, 1, 1):  # noqa: DTZ001
            return at.isoformat()
    return None


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLatitudeRef] == "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], gps[ExifTags.GPS.GPSLongitudeRef] == "W")
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None
    nowhere = abs(lat) < 1 and abs(lon) < 1
    return None if nowhere or not (abs(lat) <= 90 and abs(lon) <= 180) else (lon, lat)


def _degrees(parts: Any, negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if negative else value
