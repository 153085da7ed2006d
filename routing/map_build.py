"""Runs the OSRM tools that turn map data into a road graph, and reads what they say."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from routing.map_source import MapRefused, MapRefusedCode
from routing.osrm_tools import OsrmTools

DATASET_NAME: Final = "city.osrm"
_STAMP: Final = re.compile(r"^\[[^\]]*\]\s*\[(?:info|warn|error)\]\s*")
_COUNTS: Final = re.compile(r"Raw input contains (\d+) nodes, (\d+) ways")
_GRAPH: Final = re.compile(r"Processed (\d+) nodes")
_PARTS: Final = re.compile(r"Found (\d+) SCC")
_NO_ROADS: Final = ("no snappable edges", "There are no edges")
_READER_TROUBLE: Final = ("osmium::", "protozero::")
"""Namespaces of the libraries that read map files: what they throw is the file's fault."""
_LUA_TROUBLE: Final = ("sol::error", "lua: error")
_DISK_TROUBLE: Final = ("No space left", "File too large", "Disk quota")
_DISK_SIGNALS: Final = (-signal.SIGBUS, -signal.SIGXFSZ)
"""How the kernel ends a tool whose mapped file finds no room, or passes the largest size."""
_ONLY_TO_BUILD: Final = (
    "cnbg", "cnbg_to_ebg", "ebg", "enw", "restrictions", "turn_penalties_index",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExtractCounts:
    """What osrm-extract found: elements of the file, nodes of roads, connected parts."""

    nodes: int
    ways: int
    road_nodes: int
    parts: int


@dataclass(slots=True)
class ToolRuns:
    """Runs tools from several threads; `stop` ends all of them, and lets none begin."""

    tools: OsrmTools
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def run(self, command: list[str], folder: Path) -> tuple[int, list[str]]:
        """Run one tool to its end in `folder`; give its exit code and its lines."""
        with self._start(command, folder) as tool, contextlib.ExitStack() as stack:
            stack.callback(self._ended, tool)
            stack.callback(tool.kill)
            lines = (_STAMP.sub("", raw).strip(" .\n") for raw in tool.stdout or ())
            said = [line for line in lines if line]
            return tool.wait(), said

    def stop(self) -> None:
        """Kill what runs."""
        with self._guard:
            self._stopped = True
            for tool in tuple(self._running):
                tool.kill()

    def _ended(self, tool: subprocess.Popen[str]) -> None:
        with self._guard:
            self._running.discard(tool)

    def _start(self, command: list[str], folder: Path) -> subprocess.Popen[str]:
        with self._guard:
            if self._stopped:
                raise MapRefused(MapRefusedCode.TOOL_FAILED, "the import was broken off")
            tool = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "LUA_PATH": self.tools.lua_path(), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            self._running.add(tool)
            return tool


def extract(
    runs: ToolRuns,
    source: Path,
    lua: Path,
    data_version: str,
    *,
    threads: int,
    small_part_nodes: int,
) -> ExtractCounts:
    """Run osrm-extract beside `source`; raises MapRefused with the likeliest reason."""
    command = [
        str(runs.tools.extract),
        *("--threads", str(threads), "--profile", str(lua)),
        *("--data_version", data_version, "--small-component-size", str(small_part_nodes)),
        # Settles the side of the road once for a city, not way by way: a third of the time.
        *("--driving-side-index", "auto"),
        source.name,
    ]
    code, lines = runs.run(command, source.parent)
    if code:
        raise _refusal("osrm-extract", code, lines)
    text = "\n".join(lines)
    counts, graph, parts = _COUNTS.search(text), _GRAPH.search(text), _PARTS.search(text)
    if counts is None or graph is None or parts is None:
        raise MapRefused(MapRefusedCode.TOOL_FAILED, "osrm-extract did not say what it found")
    return ExtractCounts(
        *(int(number) for number in (*counts.groups(), *graph.groups(), *parts.groups()))
    )


def contract(runs: ToolRuns, folder: Path, *, threads: int) -> None:
    """Run osrm-contract on an extracted dataset, then load it once to see that it is whole."""
    tools = runs.tools
    _must(runs, [str(tools.contract), "--threads", str(threads), DATASET_NAME], folder)
    for kind in _ONLY_TO_BUILD:
        (folder / f"{DATASET_NAME}.{kind}").unlink(missing_ok=True)
    # Even a trial opens its port: port 0 of the loopback is nobody's.
    trial = ("--trial=yes", "--ip", "127.0.0.1", "--port", "0", "--algorithm", "CH")
    _must(runs, [str(tools.routed), *trial, DATASET_NAME], folder)


def _must(runs: ToolRuns, command: list[str], folder: Path) -> None:
    code, lines = runs.run(command, folder)
    if code:
        raise _refusal(Path(command[0]).name, code, lines)


def _refusal(name: str, code: int, lines: list[str]) -> MapRefused:
    last = " / ".join(lines[-3:])[-500:]
    if code in _DISK_SIGNALS:
        return MapRefused(MapRefusedCode.DISK, f"no room for the files of {name}, after: {last}")
    return MapRefused(_trouble("\n".join(lines)), f"{name} failed ({code}): {last}")


def _trouble(text: str) -> MapRefusedCode:
    for marks, trouble in (
        (_DISK_TROUBLE, MapRefusedCode.DISK),
        (_NO_ROADS, MapRefusedCode.NO_ROADS),
        (_READER_TROUBLE, MapRefusedCode.BROKEN),
        (_LUA_TROUBLE, MapRefusedCode.PROFILE_BROKEN),
    ):
        if any(mark in text for mark in marks):
            return trouble
    return MapRefusedCode.TOOL_FAILED
