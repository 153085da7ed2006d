"""What evidence may cost: sizes, numbers, decoding, keeping. Data, not constants."""

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveInt

from app.core import settings


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileBytes(_Section):
    """The largest file of each sort, in bytes."""

    photo: PositiveInt
    signature: PositiveInt
    audio: PositiveInt
    video: PositiveInt

    def of(self, kind: str, media_type: str) -> int:
        """The limit for a file of this kind (letter) and media type."""
        if media_type.startswith("video/"):
            return self.video
        if media_type.startswith("audio/"):
            return self.audio
        return self.signature if kind == "G" else self.photo


class Quota(_Section):
    """A number of files and their bytes together."""

    files: PositiveInt
    bytes: PositiveInt


class Keeping(_Section):
    """How long unfinished and rejected bytes, and recordings, are kept, in days."""

    upload_days: PositiveInt
    quarantine_days: PositiveInt
    recordings_days: PositiveInt


class Decoding(_Section):
    """What opening one file may take; `media_s` is the longest recording."""

    pixels: PositiveInt
    memory_bytes: PositiveInt
    cpu_s: PositiveInt
    wall_s: PositiveInt
    media_s: PositiveInt
    thumbnail_px: PositiveInt


class FlagLimits(_Section):
    """Differences from which on a reviewer is asked to look twice."""

    far_m: PositiveInt
    early_s: PositiveInt
    late_s: PositiveInt
    clock_s: PositiveInt


class Limits(_Section):
    """All of `data/limits.toml`."""

    bytes: FileBytes
    order: Quota
    device: Quota
    person: Quota
    keeping: Keeping
    decoding: Decoding
    flags: FlagLimits

    @property
    def largest_bytes(self) -> int:
        """The most that any file may have."""
        allowed = self.bytes
        return max(allowed.photo, allowed.signature, allowed.audio, allowed.video)


def current() -> Limits:
    """The limits of this deployment; raises pydantic's ValidationError for a file of nonsense."""
    return read(settings.current().evidence_limits)


@cache
def read(own: Path | None) -> Limits:
    """The shipped limits with the changes of a deployment's `own` file."""
    shipped = resources.files("app.evidence").joinpath("data", "limits.toml").read_text("utf-8")
    values: dict[str, Any] = tomllib.loads(shipped)
    if own is not None:
        for section, changed in tomllib.loads(own.read_text("utf-8")).items():
            values[section] = {**values.get(section, {}), **changed}
    return Limits.model_validate(values)
