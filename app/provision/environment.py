"""The project's virtual environment, filled with exactly the locked packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from app.provision.interpreters import find_interpreter, install_interpreter, probe
from app.provision.refusal import CannotProvision, say
from app.provision.uv import ensure_uv

if TYPE_CHECKING:
    from pathlib import Path

    from app.provision.interpreters import Interpreter
    from app.provision.project import Project

STAMP_NAME = ".paigong-stamp"
PEERS_LOCK = "benchmarks/peers.lock"


def ensure_environment(project: Project) -> bool:
    """Make `.venv` hold the packages of requirements.lock and the project itself, editable.

    False when the stamp says that it already does. Hold the project's lock.
    Raises CannotProvision when no Python, no uv or no package can be had.
    """
    if is_current(project):
        return False
    interpreter = find_interpreter()
    uv = ensure_uv(project, [interpreter.path] if interpreter else [])
    if not _is_usable(project.venv):
        _create(project, uv, interpreter or install_interpreter(uv))
    (project.venv / STAMP_NAME).unlink(missing_ok=True)
    say("installing the locked packages into .venv")
    lock = project.root / "requirements.lock"
    # Compiled now, or every process of an environment that keeps no bytecode does it: four seconds.
    _uv_pip(project, uv, "sync", "--compile-bytecode", "--require-hashes", lock)
    _uv_pip(project, uv, "install", "--no-deps", "-e", project.root)
    (project.venv / STAMP_NAME).write_text(_stamp(project), encoding="utf-8")
    return True


def ensure_peers(project: Project) -> None:
    """Add to `.venv` the locked packages that benchmarks compare the product with.

    Raises CannotProvision.
    """
    interpreter = find_interpreter()
    uv = ensure_uv(project, [interpreter.path] if interpreter else [])
    peers = project.root / PEERS_LOCK
    _uv_pip(project, uv, "install", "--compile-bytecode", "--require-hashes", "-r", peers)


def lock_packages(project: Project) -> None:
    """Compile both locks anew from pyproject.toml: hashes of every file, no host."""
    interpreter = find_interpreter()
    uv = ensure_uv(project, [interpreter.path] if interpreter else [])
    common = "--quiet --generate-hashes --universal --no-header --no-annotate"
    wanted = {
        "requirements.lock": "pyproject.toml --group dev",
        # What both name is the same version, so that a comparison changes nothing of the product.
        PEERS_LOCK: "--group bench --constraints requirements.lock",
    }
    for target, options in wanted.items():
        command = [str(uv), "pip", "compile", *f"{common} {options} -o {target}".split()]
        if subprocess.run(command, cwd=project.root, env=_uv_environment()).returncode != 0:
            raise CannotProvision("The packages could not be locked: see uv's message above.")


def is_current(project: Project) -> bool:
    """Whether `.venv` was filled here from the present lock and pyproject."""
    stamp = project.venv / STAMP_NAME
    return (
        stamp.is_file()
        and stamp.read_text(encoding="utf-8") == _stamp(project)
        and os.access(project.venv / "bin" / "python", os.X_OK)
    )


def _stamp(project: Project) -> str:
    # The place counts: the scripts of an environment name its absolute path.
    digest = hashlib.sha256(os.fsencode(project.root) + b"\0compiled")
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update(b"\0" + (project.root / name).read_bytes())
    return digest.hexdigest() + "\n"


def _is_usable(venv: Path) -> bool:
    """Whether the environment runs a fitting Python and was made at this very place."""
    activate = venv / "bin" / "activate"
    if not activate.is_file() or str(venv) not in activate.read_text(encoding="utf-8"):
        return False
    found = probe(venv / "bin" / "python")
    return found is not None and found.fits


def _create(project: Project, uv: Path, interpreter: Interpreter) -> None:
    version = ".".join(str(part) for part in interpreter.version)
    say(f"making .venv with Python {version} ({interpreter.path})")
    if project.venv.exists():
        shutil.rmtree(project.venv)
    command = [str(uv), "venv", "--quiet", "--python", str(interpreter.path), str(project.venv)]
    if subprocess.run(command, cwd=project.root, env=_uv_environment()).returncode != 0:
        raise CannotProvision(
            f"uv could not make a virtual environment with {interpreter.path}: see its message "
            "above, repair or remove that Python, and run the command again."
        )


def _uv_pip(project: Project, uv: Path, action: str, *arguments: str | Path) -> None:
    python = project.venv / "bin" / "python"
    # Progress bars are for people; a log needs the errors only.
    volume = [] if sys.stderr.isatty() else ["--quiet"]
    command = [uv, "pip", action, *volume, "--python", python, *arguments]
    if subprocess.run(command, cwd=project.root, env=_uv_environment()).returncode != 0:
        raise CannotProvision(
            "The locked packages could not be installed: see uv's message above, check the "
            "network and the free disk space, and run the command again."
        )


def _uv_environment() -> dict[str, str]:
    """Our environment without a virtual environment that happens to be switched on."""
    left_out = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH")
    return {name: text for name, text in os.environ.items() if name not in left_out}
