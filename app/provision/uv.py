"""The package installer uv: found on the machine, or installed into ``var/tools``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.provision.debian import install_packages
from app.provision.refusal import CannotProvision, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.provision.project import Project

DEBIAN_VENV = "python3-venv"


def ensure_uv(project: Project, hosts: Sequence[Path]) -> Path:
    """Path of a working uv, installed with one of the host Pythons when the machine has none.

    Raises CannotProvision with the package to install.
    """
    found = find_uv(project)
    if found is not None:
        return found
    say("installing uv into var/tools")
    for python in _distinct([*hosts, Path(sys.executable)]):
        installed = _by_venv(project.tools, python) or _by_target(project.tools, python)
        if installed is not None:
            return installed
    if install_packages([DEBIAN_VENV]):
        installed = _by_venv(project.tools, Path("/usr/bin/python3"))
        if installed is not None:
            return installed
    raise CannotProvision(
        "The package installer 'uv' is missing and could not be installed: run "
        f"'sudo apt-get install {DEBIAN_VENV}' and check that the Python package index is "
        "reachable, or install uv yourself, then run the command again."
    )


def find_uv(project: Project) -> Path | None:
    """The first uv that runs: on PATH, in the usual places of a home folder, in ``var/tools``."""
    return next((path for path in _places(project) if _runs([str(path), "--version"])), None)


def _places(project: Project) -> Iterator[Path]:
    on_path = shutil.which("uv")
    if on_path:
        yield Path(on_path)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises without a home
    yield from (home / ".local/bin/uv", home / ".cargo/bin/uv", project.tools / "bin/uv")


def _by_venv(tools: Path, python: Path) -> Path | None:
    """The usual way; Debian's plain python3 lacks ensurepip, so it may fail."""
    shutil.rmtree(tools, ignore_errors=True)
    made = _runs([str(python), "-m", "venv", str(tools)])
    return _checked(tools) if made and _pip(tools / "bin/python", []) else None


def _by_target(tools: Path, python: Path) -> Path | None:
    """For a Python that has pip but cannot make environments: a folder of its own.

    Systems that protect their own packages allow this: nothing of theirs changes.
    """
    shutil.rmtree(tools, ignore_errors=True)
    return _checked(tools) if _pip(python, ["--target", str(tools)]) else None


def _pip(python: Path, options: Sequence[str]) -> bool:
    return _runs([str(python), "-m", "pip", "install", "--quiet", *options, "uv"])


def _checked(tools: Path) -> Path | None:
    uv = tools / "bin/uv"
    return uv if _runs([str(uv), "--version"]) else None


def _runs(command: Sequence[str]) -> bool:
    try:
        answer = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError:
        return False
    return answer.returncode == 0


def _distinct(paths: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(paths))
