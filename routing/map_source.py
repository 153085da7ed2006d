"""Looks at a map file before any tool is run on it, and says why it will not do."""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Final

from routing.engine import RoutingError

_HEADER_BYTES: Final = 64


class MapRefusedCode(StrEnum):
    """Why an import changed nothing."""

    NOT_FOUND = "map_not_found"
    EMPTY = "map_empty"
    NOT_OSM = "map_not_osm"
    BROKEN = "map_broken_or_truncated"
    NO_ROADS = "map_without_roads"
    IN_PIECES = "map_in_pieces"
    PROFILE_BROKEN = "profile_broken"
    DISK = "map_storage_failed"
    TOOL_FAILED = "map_tool_failed"


class MapRefused(RoutingError):
    """The map was not imported and everything is as before; `code` is stable, the text explains."""

    def __init__(self, code: MapRefusedCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class MapFormat(StrEnum):
    """File formats of OpenStreetMap data; the value is the suffix that osrm-extract expects."""

    PBF = ".osm.pbf"
    XML = ".osm"


def inspect_source(source: Path) -> MapFormat:
    """Tell the format by content, never by name; raises MapRefused."""
    try:
        with source.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MapRefused(MapRefusedCode.NOT_FOUND, f"there is no map file {source}") from error
    except OSError as error:
        raise MapRefused(MapRefusedCode.NOT_FOUND, f"cannot read {source}: {error}") from error
    if not head.strip():
        raise MapRefused(MapRefusedCode.EMPTY, f"{source.name} is empty")
    if b"OSMHeader" in head:
        return MapFormat.PBF
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<?xml", b"<osm")):
        return MapFormat.XML
    raise MapRefused(
        MapRefusedCode.NOT_OSM, f"{source.name} is neither OpenStreetMap PBF nor OpenStreetMap XML"
    )


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
