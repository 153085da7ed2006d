"""The files of one visit as the phone keeps them until they are uploaded."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from app.demo.pictures import signature, site_photo
from app.demo.video import short_video

_TITLES = {"B": "BEFORE", "F": "AFTER", "W": "PERMIT", "X": "QUOTE", "C": "VIDEO"}
_TAKEN_LAST = "FGWX"


@dataclass(frozen=True, slots=True)
class Shot:
    """One file: bytes, and what the manifest says of them."""

    file_id: UUID
    kind: str
    media_type: str
    content: bytes
    sha256: str
    captured_at: datetime

    def declared(self) -> dict[str, Any]:
        """The manifest's line."""
        return {
            "file_id": str(self.file_id),
            "kind": self.kind,
            "media_type": self.media_type,
            "size_bytes": len(self.content),
            "sha256": self.sha256,
            "captured_at": self.captured_at.isoformat(),
        }


def file_kinds(letters: Iterable[str]) -> tuple[list[str], list[str]]:
    """The kinds of files that evidence letters ask for: before the work, and after it."""
    wanted = [kind for kind in "BCFGWX" if kind in set(letters)]
    return (
        [kind for kind in wanted if kind not in _TAKEN_LAST],
        [kind for kind in wanted if kind in _TAKEN_LAST],
    )


async def take(kinds: Iterable[str], serial: str, at: datetime, take: int = 1) -> list[Shot]:
    """One file per kind, made in a thread; `take` tells a repetition from the first."""
    return [await asyncio.to_thread(_shot, kind, serial, at, take) for kind in kinds]


def _shot(kind: str, serial: str, at: datetime, take: int) -> Shot:
    seed = f"{serial}-{kind}-{take}"
    lines = [serial, f"{_TITLES.get(kind, kind)} {take}"]
    if kind == "G":
        media_type, content = "image/png", signature(seed).png
    elif kind == "C":
        frames = [site_photo(f"{seed}-{n}", [*lines, f"frame {n}"], at) for n in range(3)]
        media_type, content = "video/mp4", short_video(frames, (640, 480))
    else:
        media_type, content = "image/jpeg", site_photo(seed, lines, at)
    digest = hashlib.sha256(content).hexdigest()
    return Shot(uuid4(), kind, media_type, content, digest, at)
