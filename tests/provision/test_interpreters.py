"""Which Python the set-up takes, on machines as they are met."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.provision.interpreters import find_interpreter, install_interpreter, probe
from app.provision.refusal import CannotProvision


def pretend_python(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    major, minor = version.split(".")
    path.write_text(f'#!/bin/sh\necho "{major} {minor} {path}"\n')
    path.chmod(0o755)
    return path


class TestFindInterpreter:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        return tmp_path / "home of 王师傅"

    def find(self, home: Path, path: str = "", **variables: str) -> Path | None:
        found = find_interpreter({"HOME": str(home), "PATH": path, **variables}, running="")
        return found.path if found else None

    def test_finds_nothing_on_a_machine_without_python(self, home: Path) -> None:
        assert self.find(home) is None

    def test_passes_over_an_old_python3_for_a_newer_one_under_pyenv(self, home: Path) -> None:
        pretend_python(home / "bin/python3", "3.11")
        pretend_python(home / ".pyenv/versions/3.11.7/bin/python3.11", "3.11")
        newer = pretend_python(home / ".pyenv/versions/3.13.0/bin/python3.13", "3.13")
        assert self.find(home, str(home / "bin")) == newer

    def test_takes_a_python3_that_is_new_enough(self, home: Path) -> None:
        python = pretend_python(home / "bin/python3", "3.13")
        assert self.find(home, str(home / "bin")) == python

    def test_prefers_the_version_with_most_wheels(self, home: Path) -> None:
        pretend_python(home / "bin/python3.14", "3.14")
        pretend_python(home / "bin/python3", "3.15")
        python = pretend_python(home / "other/python3.12", "3.12")
        assert self.find(home, f"{home / 'bin'}:{home / 'other'}") == python

    def test_passes_over_a_stand_in_that_does_not_run(self, home: Path) -> None:
        pretend_python(home / "bin/python3.12", "3.12").write_text("#!/bin/sh\nexit 127\n")
        python = pretend_python(home / "bin/python3.13", "3.13")
        assert self.find(home, str(home / "bin")) == python

    def test_leaves_virtual_environments_out(self, home: Path) -> None:
        pretend_python(home / "venv/bin/python3.12", "3.12")
        (home / "venv/pyvenv.cfg").touch()
        assert self.find(home, str(home / "venv/bin")) is None

    def test_looks_under_pyenv_root_and_then_in_the_home_folder(self, home: Path) -> None:
        own = pretend_python(home / ".pyenv/versions/3.12.1/bin/python3.12", "3.12")
        not_a_folder = str(pretend_python(home / "file", "3.12"))
        assert self.find(home, PYENV_ROOT=not_a_folder) == own
        elsewhere = pretend_python(home / "root/versions/3.12.2/bin/python3.12", "3.12")
        assert self.find(home, PYENV_ROOT=str(home / "root")) == elsewhere

    def test_looks_among_the_interpreters_of_uv(self, home: Path) -> None:
        python = pretend_python(home / ".local/share/uv/python/cpython-3.12/bin/python3.12", "3.12")
        assert self.find(home) == python

    def test_compares_versions_as_numbers(self, home: Path) -> None:
        pretend_python(home / "bin/python3", "3.9")
        assert self.find(home, str(home / "bin")) is None


class TestProbe:
    def test_tells_the_version_of_the_running_python(self) -> None:
        found = probe(Path(sys.executable))
        assert found is not None
        assert found.version == sys.version_info[:2]
        assert found.fits

    def test_refuses_what_does_not_answer_like_python(self, tmp_path: Path) -> None:
        silent = tmp_path / "python3"
        silent.write_text("#!/bin/sh\n")
        silent.chmod(0o755)
        assert probe(silent) is None
        assert probe(tmp_path / "absent") is None


class TestInstallInterpreter:
    def test_a_machine_that_cannot_download_is_told_what_to_install(self, tmp_path: Path) -> None:
        uv = tmp_path / "uv"
        uv.write_text("#!/bin/sh\nexit 2\n")
        uv.chmod(0o755)
        with pytest.raises(CannotProvision, match=r"needs Python 3\.12 or newer.*apt-get install"):
            install_interpreter(uv)

    def test_takes_the_python_that_uv_fetched(self, tmp_path: Path) -> None:
        python = pretend_python(tmp_path / "python3.12", "3.12")
        uv = tmp_path / "uv"
        uv.write_text(f'#!/bin/sh\ntest "$2" = find && echo "{python}"\nexit 0\n')
        uv.chmod(0o755)
        assert install_interpreter(uv).path == python
