"""Projects in temporary folders, and pretended programs on a PATH of their own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.provision.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ProjectBeside(Project):
    """A project whose stand-in folder lies beside it instead of in /var/lib."""

    @property
    def outside(self) -> Path:
        return self.root.with_name(f"{self.root.name}-outside")


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own belong to one user alone."""
    folder = Path(tempfile.mkdtemp(prefix="paigong-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return ProjectBeside(tmp_path / "project")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a shell script under a name; PATH holds these scripts and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def pretend(name: str, script: str) -> Path:
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return pretend
