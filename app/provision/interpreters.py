"""A Python that is new enough for the product, wherever the machine keeps it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.provision.refusal import CannotProvision, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OLDEST = (3, 12)
# Tried first to last; every locked package has a wheel for these.
NAMES = ("python3.12", "python3.13", "python3.14", "python3")
TO_INSTALL = "3.12"
PROBE_TIMEOUT_S = 20
# Fails on builds that lack what the product needs; other implementations have no wheels.
PROBE = """
import ctypes, ssl, sys, sysconfig, zlib
assert sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
print(sys.version_info[0], sys.version_info[1], sys.executable)
"""


@dataclass(frozen=True)
class Interpreter:
    """A working Python of a known version."""

    path: Path
    version: tuple[int, int]

    @property
    def fits(self) -> bool:
        """Whether the product runs on it."""
        return self.version >= OLDEST


def find_interpreter(
    environment: Mapping[str, str] = os.environ, running: str = sys.executable
) -> Interpreter | None:
    """The first Python >= 3.12 among the running one, PATH, pyenv's versions and uv's own.

    A name on PATH counts only when it runs: pyenv's stand-ins exist for versions that are not
    switched on. Interpreters of virtual environments are left out, they come and go.
    """
    for path in _candidates(environment, running):
        found = probe(path)
        if found is not None and found.fits:
            return found
    return None


def probe(path: Path) -> Interpreter | None:
    """The interpreter behind a path, None when it does not run or lacks a needed part.

    The answer's path is the interpreter's own: pyenv's stand-ins lead to different ones.
    """
    try:
        answer = subprocess.run(
            [path, "-I", "-c", PROBE],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PROBE_TIMEOUT_S,
        )
        major, minor, real_path = answer.stdout.strip().split(" ", 2)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Interpreter(Path(real_path), (int(major), int(minor)))


def install_interpreter(uv: Path) -> Interpreter:
    """Let uv fetch a Python of its own.

    Raises CannotProvision when the machine cannot download one.
    """
    say(f"no Python >= {OLDEST[0]}.{OLDEST[1]} on this machine; asking uv for one")
    subprocess.run([uv, "python", "install", TO_INSTALL], stdin=subprocess.DEVNULL)
    answer = subprocess.run(
        [uv, "python", "find", TO_INSTALL], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    found = probe(Path(answer.stdout.strip())) if answer.returncode == 0 else None
    if found is None or not found.fits:
        raise CannotProvision(
            f"Paigong needs Python {OLDEST[0]}.{OLDEST[1]} or newer and none could be found or "
            "downloaded: install one ('sudo apt-get install python3.12', or with pyenv) and run "
            "the command again."
        )
    return found


def _candidates(environment: Mapping[str, str], running: str) -> Iterator[Path]:
    if running and sys.prefix == sys.base_prefix:
        yield Path(running)
    yield from _on_path(environment.get("PATH", ""))
    home = Path(environment.get("HOME", "/nonexistent"))
    roots = [Path(environment.get("PYENV_ROOT", home / ".pyenv")), home / ".pyenv"]
    for root in dict.fromkeys(roots):
        yield from _sorted(root / "versions")
    data = Path(environment.get("XDG_DATA_HOME", home / ".local/share"))
    installs = Path(environment.get("UV_PYTHON_INSTALL_DIR", data / "uv/python"))
    yield from _sorted(installs)


def _on_path(search_path: str) -> Iterable[Path]:
    folders = [folder for folder in search_path.split(os.pathsep) if folder]
    for name in NAMES:
        for folder in folders:
            found = shutil.which(name, path=folder)
            if found and not (Path(folder).parent / "pyvenv.cfg").exists():
                yield Path(found)


def _sorted(parent: Path) -> Iterable[Path]:
    """Interpreters in the version folders of a parent, in the order of `NAMES`."""
    try:
        folders = sorted(parent / version / "bin" for version in os.listdir(parent))  # noqa: PTH208
    except OSError:  # absent, or another user's: sudo and su may hand down their variables
        return
    for name in NAMES[:-1]:
        for folder in folders:
            if os.access(folder / name, os.X_OK):
                yield folder / name
