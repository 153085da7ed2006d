"""Where the project and the things that set-up makes in it lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Project:
    """The folder that set-up serves; everything it makes is under `var` and `venv`."""

    root: Path = PROJECT_ROOT

    @property
    def var(self) -> Path:
        """Folder of all that is made at run time; removed by `clean`."""
        return self.root / "var"

    @property
    def venv(self) -> Path:
        """The virtual environment of the project."""
        return self.root / ".venv"

    @property
    def tools(self) -> Path:
        """Folder of the build tools that were missing on the machine (uv)."""
        return self.var / "tools"

    @property
    def outside(self) -> Path:
        """Stand-in for the data folders where the server's user cannot reach the project.

        A clone in root's home folder is the usual case: PostgreSQL refuses to run as root, and
        its own user may not enter that folder. Only root needs it, and /var/tmp would be swept
        by the machine's housekeeping. The name depends on the project's path alone.
        """
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        return Path("/var/lib") / f"paigong-{digest}"
