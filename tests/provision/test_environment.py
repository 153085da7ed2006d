"""When `.venv` is filled again, and when it is left alone."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from app.provision import environment
from app.provision.environment import ensure_environment, is_current
from app.provision.project import Project
from app.provision.refusal import CannotProvision

if TYPE_CHECKING:
    from pathlib import Path

# Makes an environment as uv does, and writes down what it was asked for.
PRETENDED_UV = """#!/bin/sh
echo "$1 $2" >> "{calls}"
case "$1" in venv)
  for last; do :; done
  mkdir -p "$last/bin" && ln -s "{python}" "$last/bin/python"
  echo "VIRTUAL_ENV='$last'" > "$last/bin/activate";;
esac
exit {status}
"""


class TestEnsureEnvironment:
    @pytest.fixture
    def calls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        calls = tmp_path / "calls"
        self.pretend_uv(tmp_path, calls, 0)
        monkeypatch.setattr(environment, "ensure_uv", lambda _project, _hosts: tmp_path / "uv")
        return calls

    def pretend_uv(self, folder: Path, calls: Path, status: int) -> None:
        script = PRETENDED_UV.format(calls=calls, python=sys.executable, status=status)
        (folder / "uv").write_text(script)
        (folder / "uv").chmod(0o755)

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        root = tmp_path / "project"
        root.mkdir()
        for name in ("requirements.lock", "pyproject.toml"):
            (root / name).write_text(name)
        return Project(root)

    def test_fills_it_once(self, project: Project, calls: Path) -> None:
        assert ensure_environment(project)
        assert not ensure_environment(project)
        steps = [line.rsplit(" ", 1) for line in calls.read_text().splitlines()]
        assert [step[0] for step in steps] == ["venv", "pip", "pip"]
        assert [step[1] for step in steps[1:]] == ["sync", "install"]

    def test_a_changed_lock_fills_it_again_without_making_it_anew(
        self, project: Project, calls: Path
    ) -> None:
        ensure_environment(project)
        (project.root / "requirements.lock").write_text("another version")
        assert ensure_environment(project)
        assert [line.split()[0] for line in calls.read_text().splitlines()].count("venv") == 1

    def test_a_copied_project_makes_its_own(self, project: Project, calls: Path) -> None:
        ensure_environment(project)
        copy = Project(project.root.with_name("copy"))
        shutil.copytree(project.root, copy.root, symlinks=True)
        assert not is_current(copy)
        assert ensure_environment(copy)
        assert str(copy.venv) in (copy.venv / "bin/activate").read_text()

    def test_a_failed_filling_is_not_taken_for_a_finished_one(
        self, project: Project, calls: Path, tmp_path: Path
    ) -> None:
        ensure_environment(project)
        (project.root / "requirements.lock").write_text("another version")
        self.pretend_uv(tmp_path, calls, 1)
        with pytest.raises(CannotProvision, match="could not be installed"):
            ensure_environment(project)
        assert not is_current(project)
