"""Runs the OSRM tools that turn map data into a road graph, and reads what they say."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from routing.map_source import MapRefused, MapRefusedCode
from routing.osrm_tools import OsrmTools

_STAMP: Final = re.compile(r"^\[[^\]]*\]\s*\[(?:info|warn|error)\]\s*")
_COUNTS: Final = re.compile(r"Raw input contains (\d+) nodes, (\d+) ways")
_GRAPH: Final = re.compile(r"Processed (\d+) nodes")
_PARTS: Final = re.compile(r"Found (\d+) SCC")
_READER_TROUBLE: Final = ("osmium::", "protozero::")
"""Namespaces of the libraries that read map files: what they throw is the file's fault."""


@dataclass(frozen=True, slots=True)
class ExtractCounts:
    """What osrm-extract found: elements of the file, nodes of roads, connected parts."""

    nodes: int
    ways: int
    road_nodes: int
    parts: int


def extract(
    tools: OsrmTools,
    source: Path,
    profile: Path,
    graph_version: str,
    *,
    threads: int,
    small_part_nodes: int,
    say: Callable[[str], None],
) -> ExtractCounts:
    """Run osrm-extract beside `source`; raises MapRefused with the likeliest reason."""
    command = [
        str(tools.extract),
        *("--threads", str(threads), "--profile", str(profile)),
        *("--data_version", graph_version, "--small-component-size", str(small_part_nodes)),
        str(source),
    ]
    code, lines = _run(command, tools, say)
    text = "\n".join(lines)
    if code:
        raise MapRefused(_extract_trouble(text), f"osrm-extract failed ({code}): {_tail(lines)}")
    counts, graph, parts = _COUNTS.search(text), _GRAPH.search(text), _PARTS.search(text)
    if counts is None or graph is None or parts is None:
        raise MapRefused(MapRefusedCode.TOOL_FAILED, "osrm-extract did not say what it found")
    return ExtractCounts(
        *(int(number) for number in (*counts.groups(), *graph.groups(), *parts.groups()))
    )


def contract(tools: OsrmTools, dataset: Path, *, threads: int, say: Callable[[str], None]) -> None:
    """Run osrm-contract on an extracted dataset, then load it once to see that it is whole."""
    for name, command in (
        ("osrm-contract", [str(tools.contract), "--threads", str(threads), str(dataset)]),
        ("osrm-routed", _trial(tools, dataset)),
    ):
        code, lines = _run(command, tools, say)
        if code:
            raise MapRefused(MapRefusedCode.TOOL_FAILED, f"{name} failed ({code}): {_tail(lines)}")


def _trial(tools: OsrmTools, dataset: Path) -> list[str]:
    # Even a trial opens its port: port 0 of the loopback is nobody's.
    return [str(tools.routed), "--trial=yes", "--ip", "127.0.0.1", "--port", "0", str(dataset)]


def _run(command: list[str], tools: OsrmTools, say: Callable[[str], None]) -> tuple[int, list[str]]:
    """Run one tool to its end, passing its lines on; a broken-off run leaves no process behind."""
    environment = {**os.environ, "LUA_PATH": tools.lua_path(), "LC_ALL": "C"}
    with (
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as tool,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(tool.kill)
        lines = []
        for raw in tool.stdout or ():
            if line := _STAMP.sub("", raw).strip(" .\n"):
                lines.append(line)
                say(line)
        return tool.wait(), lines


def _extract_trouble(text: str) -> MapRefusedCode:
    if "no snappable edges" in text or "There are no edges" in text:
        return MapRefusedCode.NO_ROADS
    if any(mark in text for mark in _READER_TROUBLE):
        return MapRefusedCode.BROKEN
    if "sol::error" in text or "lua: error" in text:
        return MapRefusedCode.PROFILE_BROKEN
    return MapRefusedCode.TOOL_FAILED


def _tail(lines: list[str]) -> str:
    return " / ".join(lines[-3:])[-500:]
