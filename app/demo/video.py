"""A short video as a phone would send it: Motion JPEG frames in an MP4 container."""

import struct
from collections.abc import Sequence

_TICKS = 1000
_FRAME_TICKS = 500
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def short_video(frames: Sequence[bytes], size: tuple[int, int]) -> bytes:
    """An MP4 of JPEG `frames`, each shown for half a second; `size` is width, height in pixels."""
    head = _box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isom", b"mp41")
    start = len(head) + 8
    data = _box(b"mdat", *frames)
    return head + data + _movie(frames, size, start)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _movie(frames: Sequence[bytes], size: tuple[int, int], start: int) -> bytes:
    length = _FRAME_TICKS * len(frames)
    header = _full(
        b"mvhd",
        struct.pack(">IIIIIH10x", 0, 0, _TICKS, length, 0x10000, 0x100),
        _MATRIX,
        bytes(24),
        struct.pack(">I", 2),
    )
    track_header = _full(
        b"tkhd",
        struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, length, 0, 0, 0, 0),
        _MATRIX,
        struct.pack(">II", size[0] << 16, size[1] << 16),
        flags=3,
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, _TICKS, length, 0x55C4, 0)),
        _full(b"hdlr", struct.pack(">I4s12x", 0, b"vide"), b"camera\0"),
        _media_information(frames, size, start),
    )
    return _box(b"moov", header, _box(b"trak", track_header, media))


def _media_information(frames: Sequence[bytes], size: tuple[int, int], start: int) -> bytes:
    here = _full(b"url ", flags=1)
    reference = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), here))
    return _box(
        b"minf", _full(b"vmhd", bytes(8), flags=1), reference, _samples(frames, size, start)
    )


def _samples(frames: Sequence[bytes], size: tuple[int, int], start: int) -> bytes:
    entry = _box(
        b"jpeg",
        struct.pack(">6xH16xHH", 1, *size),
        struct.pack(">IIIH", 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
    )
    sizes = struct.pack(f">{len(frames)}I", *(len(frame) for frame in frames))
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), entry),
        _full(b"stts", struct.pack(">III", 1, len(frames), _FRAME_TICKS)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, len(frames), 1)),
        _full(b"stsz", struct.pack(">II", 0, len(frames)), sizes),
        _full(b"stco", struct.pack(">II", 1, start)),
    )
