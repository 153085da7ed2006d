"""Which files and readings a repair must show, and what a file's first bytes say it is."""

from typing import Literal, NamedTuple, get_args

MediaType = Literal[
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "video/mp4",
    "audio/mp4",
    "application/json",
]
RECORDINGS = ("audio/mp4", "video/mp4")
"""Sound and video: kept for some days only (DOMAIN section 6, 录音录像)."""
FileKind = Literal["A", "B", "F", "G", "C", "W", "X", "R", "T", "P", "V", "I", "M"]

ALWAYS = frozenset("AF")
"""A, the geographic check-in, is the event `arrived` and no file."""
FILE_LETTERS = frozenset("BFGCWX")
READING_LETTERS = frozenset("RTPVIM")

_IMAGES = frozenset({"image/jpeg", "image/png", "image/webp", "image/heic"})
_MEDIA_OF_KIND: dict[str, frozenset[str]] = {
    "C": frozenset({"video/mp4"}),
    "G": _IMAGES | {"application/json"},
    "X": _IMAGES | {"audio/mp4"},
}

_KEPT_LETTERS: dict[str, frozenset[str]] = {
    "fixed": FILE_LETTERS | READING_LETTERS,
    "no_fault_found": frozenset("FG") | READING_LETTERS,
    "handed_over": frozenset("BFW"),
    "fixed_by_phone": frozenset("F"),
    "absent": frozenset("F"),
    "refused": frozenset("F"),
    "wrong_dispatch": frozenset("F"),
}
"""What of the fault's set an outcome can show. Nobody inside: one photo of the door, the meter or
the notice is the proof. No fault found: the readings are the proof, and the customer signs.
Handed over: how it was found and left, and the permit; the next crew measures."""

OUTCOMES = frozenset(_KEPT_LETTERS)


class Needed(NamedTuple):
    """Letters of files (at least one file each) and of typed readings."""

    files: frozenset[str]
    readings: frozenset[str]


def needed(letters: frozenset[str], outcome: str) -> Needed:
    """What of a fault's `letters` this outcome must show (DOMAIN 4); unknown outcomes: all."""
    kept = _KEPT_LETTERS.get(outcome, _KEPT_LETTERS["fixed"])
    return Needed((letters & FILE_LETTERS & kept) | {"F"}, letters & READING_LETTERS & kept)


def media_allowed(kind: str) -> frozenset[str]:
    """Media types that can show `kind`: a video for C, pictures otherwise, X also recorded.

    G is the picture of the signature; its strokes (JSON) come beside it.
    """
    return _MEDIA_OF_KIND.get(kind, _IMAGES)


_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AUDIO_BRANDS = {b"M4A ", b"M4B "}
_SHARED_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"dash"}
_VIDEO_BRANDS = {b"avc1", b"M4V ", b"3gp4", b"3gp5", b"3gp6", b"MSNV"}
HEAD_BYTES = 32


def media_types_of(head: bytes) -> frozenset[str]:
    """The media types that a file beginning with `head` can be; empty when it is none of ours."""
    if head.startswith(b"\xff\xd8\xff"):
        return frozenset({"image/jpeg"})
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return frozenset({"image/png"})
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return frozenset({"image/webp"})
    if head.lstrip().startswith(b"{"):
        return frozenset({"application/json"})
    if head[4:8] == b"ftyp":
        return _iso_media_types(head[8:12])
    return frozenset()


def _iso_media_types(brand: bytes) -> frozenset[str]:
    if brand in _HEIF_BRANDS:
        return frozenset({"image/heic"})
    if brand in _AUDIO_BRANDS:
        return frozenset({"audio/mp4"})
    if brand in _SHARED_BRANDS:
        return frozenset({"audio/mp4", "video/mp4"})
    if brand in _VIDEO_BRANDS:
        return frozenset({"video/mp4"})
    return frozenset()


EXTENSIONS: dict[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "video/mp4": "mp4",
    "audio/mp4": "m4a",
    "application/json": "json",
}
assert EXTENSIONS.keys() == set(get_args(MediaType))
