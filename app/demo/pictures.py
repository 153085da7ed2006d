"""Pictures that phones upload: a site photo (JPEG) and a customer's signature (PNG, strokes)."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from PIL import Image, ImageDraw, ImageFont

PHOTO_SIZE = (640, 480)
SIGNATURE_SIZE = (400, 160)
_SMALLEST_BYTES, _LARGEST_BYTES = 30_000, 80_000
_TAKEN_AT_TAG, _OFFSET_TAG, _DETAILS = 0x9003, 0x9011, 0x8769
_WALLS = ((176, 168, 150), (150, 160, 168), (188, 182, 170), (140, 148, 140), (170, 150, 140))
_PIPES = ((120, 60, 50), (90, 96, 104), (60, 80, 110), (150, 130, 60))

Stroke = list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Signature:
    """A drawn signature: the picture, and the pen's way as JSON."""

    png: bytes
    strokes_json: str
    """`{"width":..,"height":..,"strokes":[[[x,y,ms],..],..]}`, pixels from the top left."""


def site_photo(seed: str, lines: Sequence[str], taken_at: datetime) -> bytes:
    """A 640 x 480 JPEG of 30-80 kB with `lines` and the time written on it.

    The same arguments give the same bytes. `lines` are Latin letters and digits (order number,
    place): the built-in font has no Chinese.
    """
    random = Random(f"photo-{seed}")
    picture = _scene(random)
    grain = _noise(random, PHOTO_SIZE)
    picture = Image.blend(picture, grain, 0.11)
    _overlay(picture, [*lines, taken_at.strftime("%Y-%m-%d %H:%M:%S%z")])
    return _sized_jpeg(picture, taken_at)


def _scene(random: Random) -> Image.Image:
    """A wall with pipes, a valve or box, and the lamp's light."""
    wall = random.choice(_WALLS)
    picture = Image.new("RGB", PHOTO_SIZE, wall)
    draw = ImageDraw.Draw(picture)
    width, height = PHOTO_SIZE
    floor = random.randint(330, 410)
    shade = (wall[0] - 50, wall[1] - 50, wall[2] - 55)
    draw.rectangle((0, floor, width, height), fill=shade)
    for _ in range(random.randint(2, 5)):
        x, thick, colour = random.randint(20, 600), random.randint(12, 34), random.choice(_PIPES)
        draw.rectangle((x, 0, x + thick, floor), fill=colour)
        lit = (colour[0] + 50, colour[1] + 50, colour[2] + 50)
        draw.rectangle((x + 3, 0, x + thick // 3, floor), fill=lit)
    x, y, size = random.randint(60, 460), random.randint(100, 220), random.randint(60, 120)
    draw.rectangle((x, y, x + size, y + size), fill=(205, 205, 198), outline=(60, 60, 60), width=3)
    draw.ellipse((x + 14, y + 14, x + size - 14, y + size - 14), outline=(160, 30, 30), width=8)
    return Image.blend(picture, _light(random), 0.25)


def _light(random: Random) -> Image.Image:
    glow = Image.radial_gradient("L").resize(PHOTO_SIZE)
    turned = glow.rotate(random.randint(0, 359), fillcolor=random.randint(90, 160))
    return Image.eval(turned, lambda value: 255 - value).convert("RGB")


def _noise(random: Random, size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("RGB", size, random.randbytes(size[0] * size[1] * 3))


def _overlay(picture: Image.Image, lines: list[str]) -> None:
    font = ImageFont.load_default(size=20)
    draw = ImageDraw.Draw(picture)
    top = PHOTO_SIZE[1] - 26 * len(lines) - 8
    draw.rectangle((0, top - 6, PHOTO_SIZE[0], PHOTO_SIZE[1]), fill=(20, 20, 20))
    for number, line in enumerate(lines):
        draw.text((12, top + 26 * number), line, fill=(255, 255, 255), font=font)


def _sized_jpeg(picture: Image.Image, taken_at: datetime) -> bytes:
    """The picture at the best quality that stays within the size limits."""
    exif = Image.Exif()
    details = exif.get_ifd(_DETAILS)
    details[_TAKEN_AT_TAG] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    details[_OFFSET_TAG] = taken_at.isoformat()[-6:]
    for quality in range(92, 20, -6):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, exif=exif)
        if buffer.tell() <= _LARGEST_BYTES:
            break
    if not _SMALLEST_BYTES <= buffer.tell() <= _LARGEST_BYTES:
        raise ValueError(f"a site photo of {buffer.tell()} bytes is out of bounds")
    return buffer.getvalue()


def signature(seed: str) -> Signature:
    """A scribbled name of three to five strokes; the same seed gives the same bytes."""
    random = Random(f"signature-{seed}")
    strokes = [_stroke(random, place) for place in range(random.randint(3, 5))]
    width, height = SIGNATURE_SIZE
    picture = Image.new("L", SIGNATURE_SIZE, 255)
    draw = ImageDraw.Draw(picture)
    for stroke in strokes:
        draw.line([(x, y) for x, y, _ in stroke], fill=20, width=3, joint="curve")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    body = {"width": width, "height": height, "strokes": strokes}
    return Signature(buffer.getvalue(), json.dumps(body, separators=(",", ":")))


def _stroke(random: Random, place: int) -> Stroke:
    """One wavy pen stroke from left to right: (x, y, milliseconds since the first touch)."""
    x, y = 30.0 + 68 * place, random.uniform(60, 100)
    turn, lean = random.uniform(0.5, 1.1), random.uniform(-0.6, 0.6)
    start_ms = 450 * place
    points: Stroke = []
    for step in range(24):
        x += random.uniform(1.5, 3.5)
        y += 9 * math.sin(step * turn) + lean
        inside = min(max(y, 6.0), SIGNATURE_SIZE[1] - 6.0)
        points.append((round(x), round(inside), start_ms + 16 * step))
    return points
