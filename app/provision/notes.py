"""What set-up writes down about a private cluster, so that later runs find it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from app.provision.refusal import CannotProvision

if TYPE_CHECKING:
    from pathlib import Path

NOTE_NAME = "cluster.json"


@dataclass(frozen=True)
class ClusterNote:
    """Where a cluster's data is, and the port and socket folder of its last start."""

    data_dir: str
    port: int
    socket_dir: str


def read_note(home: Path) -> ClusterNote | None:
    """The note in a cluster's home folder, or None when no cluster was made there."""
    path = home / NOTE_NAME
    if not path.exists():
        return None
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return ClusterNote(str(fields["data_dir"]), int(fields["port"]), str(fields["socket_dir"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CannotProvision(
            f"The note {path} is damaged: remove the folder {home} and run the command again."
        ) from error


def write_note(home: Path, note: ClusterNote) -> None:
    """Replace the note in one step: a reader sees the old one or the new one."""
    fresh = home / f"{NOTE_NAME}.new"
    fresh.write_text(json.dumps(asdict(note), indent=2) + "\n", encoding="utf-8")
    fresh.replace(home / NOTE_NAME)
