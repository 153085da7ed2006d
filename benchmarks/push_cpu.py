"""What an order costs in processor time, per process: steadier than waits on a shared machine."""

import os
from collections.abc import Mapping
from pathlib import Path

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def spent_ms(pids: Mapping[str, int], database: str) -> dict[str, float]:
    """Milliseconds so far of each named process, and of the sessions on `database`."""
    spent = {name: _of(str(pid)) for name, pid in pids.items()}
    spent["database"] = sum(_of(pid) for pid in _sessions(database))
    return spent


def _of(pid: str) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_MS


def _sessions(database: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            title = (folder / "cmdline").read_bytes() if folder.name.isdigit() else b""
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if title.startswith(b"postgres:") and database.encode() in title:
            found.append(folder.name)
    return found
