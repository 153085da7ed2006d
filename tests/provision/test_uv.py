"""How uv is found or installed, and what is said when it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.provision import uv as uv_module
from app.provision.refusal import CannotProvision
from app.provision.uv import ensure_uv, find_uv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.provision.project import Project

MAKE_UV = 'mkdir -p "{bin}"; printf "#!/bin/sh\\n" > "{bin}/uv"; chmod +x "{bin}/uv"'


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home folder with tools, no package manager, and no other Python than the host's."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(uv_module, "install_packages", lambda _names: False)
    monkeypatch.setattr(uv_module.sys, "executable", str(tmp_path / "no-python"))


class TestFindUv:
    def test_takes_the_one_on_path(
        self, project: Project, programs: Callable[[str, str], Path]
    ) -> None:
        assert find_uv(project) is None
        found = programs("uv", "exit 0")
        assert find_uv(project) == found

    def test_passes_over_one_that_does_not_run(
        self, project: Project, programs: Callable[[str, str], Path]
    ) -> None:
        programs("uv", "exit 126")
        assert find_uv(project) is None


class TestEnsureUv:
    def test_a_python_without_ensurepip_installs_it_into_a_folder(
        self, project: Project, programs: Callable[[str, str], Path]
    ) -> None:
        bin_folder = project.tools / "bin"
        make = MAKE_UV.format(bin=bin_folder)
        script = f'PATH=/usr/bin:/bin; case "$*" in *"-m venv"*) exit 1;; *--target*) {make};; esac'
        host = programs("python3", script)
        assert ensure_uv(project, [host]) == bin_folder / "uv"

    def test_says_which_package_is_missing(
        self, project: Project, programs: Callable[[str, str], Path]
    ) -> None:
        host = programs("python3", "exit 1")
        with pytest.raises(CannotProvision, match=r"'sudo apt-get install python3-venv'"):
            ensure_uv(project, [host])
