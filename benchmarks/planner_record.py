"""What `benchmarks.planner` has measured, section by section, and the table of it.

A section is measured alone, at its own time: it keeps its date, load, seeds and the sources of
`dispatch` that it was measured with. A quick measurement never takes the place of a full one.
"""

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

OUT: Final = Path(__file__).parent / "out" / "planner.json"
SOURCES: Final = Path(__file__).parents[1] / "dispatch"
Figures = dict[str, Any]


class Record:
    """The file, read when it is made and written after each section."""

    def __init__(self, limits: Mapping[str, float], out: Path = OUT) -> None:
        self._limits, self._out = limits, out
        told = json.loads(out.read_text("utf-8")) if out.exists() else {}
        self._full: Figures = told.get("full", {})
        self._quick: Figures = told.get("quick", {})
        self.sources = sources_hash()

    def has(self, section: str) -> bool:
        """Whether the section was measured in full with the sources as they are."""
        return bool(self._full.get(section, {}).get("sources") == self.sources)

    def measure(
        self, section: str, part: Callable[[], Figures], *, quick: bool, seeds: Sequence[int]
    ) -> None:
        """Measure one section and write it down."""
        began, load = time.monotonic(), os.getloadavg()[0]
        found = part()
        into = self._quick if quick else self._full
        into[section] = {
            "seeds": list(seeds),
            **found,  # a part may say that it used fewer
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "load_before": round(load, 1),
            "load_after": round(os.getloadavg()[0], 1),
            "took_s": round(time.monotonic() - began),
            "sources": self.sources,
        }
        self._out.parent.mkdir(exist_ok=True)
        self._out.write_text(json.dumps(self.told(), indent=1) + "\n", "utf-8")

    def told(self) -> Figures:
        """Everything, as it is written."""
        figures = {name: row["value"] for name, row in self.rows().items()}
        full = {name: row for name, row in self.rows().items() if not row["quick"]}
        return {
            "machine": {
                "cores": len(os.sched_getaffinity(0)),
                "python": platform.python_version(),
                **{name: _version(name) for name in ("ortools", "pyvroom", "pyvrp")},
            },
            "figures": figures,
            "limits": dict(self._limits),
            "missed": [n for n, row in full.items() if row["value"] > self._limits[n]],
            "not_measured_in_full": [name for name in self._limits if name not in full],
            "full": self._full,
            "quick": self._quick,
        }

    def rows(self) -> dict[str, Figures]:
        """Figure -> value and the circumstances of its section; the full one where there is one."""
        found: dict[str, Figures] = {}
        for quick, sections in ((True, self._quick), (False, self._full)):
            for section in sections.values():
                for name in self._limits.keys() & section.keys():
                    if section[name] is not None:
                        found[name] = {**section, "value": section[name], "quick": quick}
        return {name: found[name] for name in self._limits if name in found}

    def table(self) -> str:
        """The figures beside their limits; a quick figure has no verdict."""
        head = f"{'figure':26} {'measured':>9} {'at most':>9}  {'verdict':12} measured"
        rows = self.rows()
        return "\n".join([head, *(self._line(name, rows.get(name)) for name in self._limits)])

    def _line(self, name: str, row: Figures | None) -> str:
        limit = self._limits[name]
        if row is None:
            return f"{name:26} {'':>9} {limit:>9.4g}  not measured"
        verdict = "quick" if row["quick"] else "MISSED" if row["value"] > limit else "kept"
        older = "" if row["sources"] == self.sources else ", older sources"
        load = f"load {row['load_before']}-{row['load_after']}"
        count = len(row["seeds"])
        seeds = f"{count} seed{'s' if count > 1 else ''}, " if count else ""
        when = f"{row['at'][:16]}, {seeds}{load}{older}"
        return f"{name:26} {row['value']:>9.4g} {limit:>9.4g}  {verdict:12} {when}"


def sources_hash() -> str:
    """Of every source of the planner: figures of others are of another planner."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.rglob("*.py")):
        digest.update(str(source.relative_to(SOURCES)).encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _version(name: str) -> str | None:
    """Of an installed package; None without it, as the peers are where nothing is compared."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
