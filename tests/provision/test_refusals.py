"""Every dead end says in one sentence what to do, and asks for rights only where it may."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from app.provision import __main__ as commands
from app.provision import binaries, debian, identity
from app.provision.__main__ import main
from app.provision.binaries import ensure_binaries
from app.provision.databases import ensure_database
from app.provision.debian import install_packages
from app.provision.identity import root_prefix, server_user
from app.provision.refusal import CannotProvision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from app.provision.project import Project

    Programs = Callable[[str, str], Path]


@pytest.fixture
def normal_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.os, "geteuid", lambda: 1000)


class TestEnsureBinaries:
    @pytest.fixture(autouse=True)
    def no_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(binaries, "PLACES", ())

    def test_names_the_package_when_it_may_not_be_installed(
        self, monkeypatch: pytest.MonkeyPatch, programs: Programs
    ) -> None:
        monkeypatch.setattr(binaries, "install_packages", lambda _names: False)
        with pytest.raises(CannotProvision) as refusal:
            ensure_binaries()
        assert "'sudo apt-get install postgresql-postgis'" in str(refusal.value)
        assert "DATABASE_URL" in str(refusal.value)
        assert str(refusal.value).count(". ") == 0, "one sentence"

    def test_never_installs_for_a_cluster_of_a_version_that_is_gone(
        self, monkeypatch: pytest.MonkeyPatch, programs: Programs
    ) -> None:
        asked: list[object] = []
        monkeypatch.setattr(binaries, "install_packages", asked.append)
        with pytest.raises(CannotProvision, match="made by PostgreSQL 14"):
            ensure_binaries(14)
        assert asked == []

    def test_a_server_without_postgis_does_not_count(
        self, programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for program in ("initdb", "pg_ctl", "psql"):
            programs(program, "exit 0")
        programs("postgres", "echo 'postgres (PostgreSQL) 16.4'")
        programs("pg_config", f"echo {tmp_path}")
        assert binaries.find_binaries() is None
        (tmp_path / "extension").mkdir()
        for name in binaries.EXTENSIONS:
            (tmp_path / f"extension/{name}.control").touch()
        assert binaries.find_binaries() is None, "the library comes in another package"
        (tmp_path / binaries.POSTGIS_LIBRARY).touch()
        found = binaries.find_binaries()
        assert found is not None
        assert found.major == 16


class TestSetup:
    def test_tells_of_all_that_is_missing_at_once(
        self,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def refuse(*_arguments: object) -> None:
            raise CannotProvision("uv is missing.")

        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setattr(commands, "ensure_environment", refuse)
        monkeypatch.setattr(commands, "ensure_binaries", refuse)
        assert main(["setup"], project) == 1
        assert capsys.readouterr().err.splitlines() == ["paigong: uv is missing."] * 2

    def test_installs_no_server_when_database_url_is_set(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        monkeypatch.setenv("DATABASE_URL", "postgresql://dispatcher@db.example.org/paigong")
        monkeypatch.setattr(commands, "ensure_environment", lambda _project: asked.append("venv"))
        monkeypatch.setattr(commands, "ensure_binaries", lambda: asked.append("server"))
        assert main(["setup"], project) == 0
        assert asked == ["venv"]


class TestRootPrefix:
    def test_a_user_without_sudo_may_not(self, normal_user: None, programs: Programs) -> None:
        assert root_prefix() is None

    def test_passwordless_sudo_is_used_silently(
        self, normal_user: None, programs: Programs
    ) -> None:
        sudo = programs("sudo", "exit 0")
        assert root_prefix() == [str(sudo), "-n"]

    def test_sudo_with_a_password_is_used_only_at_a_terminal(
        self, normal_user: None, programs: Programs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sudo = programs("sudo", "exit 1")
        monkeypatch.setattr(identity.sys.stdin, "isatty", lambda: False, raising=False)
        assert root_prefix() is None
        monkeypatch.setattr(identity.sys.stdin, "isatty", lambda: True, raising=False)
        assert root_prefix() == [str(sudo)]


class TestInstallPackages:
    def test_refreshes_the_lists_only_after_a_first_failure(
        self, programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(debian, "root_prefix", list)
        programs("env", 'shift; exec "$@"')
        calls = tmp_path / "calls"
        fresh = tmp_path / "fresh"
        programs(
            "apt-get",
            f'echo "$*" >> {calls}\n'
            f'case "$*" in *" update"*) : > {fresh};; *) test -e {fresh};; esac',
        )
        assert install_packages(["postgresql-postgis"])
        steps = [line.rsplit("=60 ", 1)[1].split()[0] for line in calls.read_text().splitlines()]
        assert steps == ["install", "update", "install"]

    def test_is_false_without_apt(self, programs: Programs) -> None:
        assert not install_packages(["postgresql-postgis"])


class TestServerUser:
    def test_root_without_an_unprivileged_user_is_told_to_make_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(identity.os, "geteuid", lambda: 0)
        monkeypatch.setattr(identity, "UNPRIVILEGED_USERS", ("no-such-user-here",))
        with pytest.raises(CannotProvision, match="useradd --system postgres"):
            server_user()

    def test_programs_are_not_sent_to_another_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PGHOST", "db.example.org")
        monkeypatch.setenv("PGDATA", "/var/lib/postgresql")
        assert not [name for name in identity.server_environment() if name.startswith("PG")]

    def test_cannot_enter_a_folder_below_a_closed_one(self, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        (closed / "inner").mkdir(parents=True)
        user = server_user()
        closed.chmod(0o700 if user.switch else 0o000)
        assert not user.can_enter(closed / "inner")
        closed.chmod(0o755)
        if not user.switch:
            assert user.can_enter(closed / "inner")


class TestDatabaseCommand:
    def test_database_url_is_printed_unchanged_and_nothing_is_made(
        self,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://dispatcher@db.example.org/paigong")
        assert main(["database", "anything", "--throwaway", "--fresh"], project) == 0
        assert capsys.readouterr().out == "postgresql://dispatcher@db.example.org/paigong\n"
        assert not project.root.exists()

    @pytest.mark.parametrize("name", ["", "Paigong", 'x"; DROP DATABASE y', "x" * 64, "派工", "9x"])
    def test_refuses_names_that_would_need_quoting(
        self, name: str, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        with pytest.raises(CannotProvision, match="no database name"):
            ensure_database(name, project=project)

    @pytest.mark.parametrize(("name", "throwaway"), [("orders", False), ("template1", True)])
    def test_never_drops_a_durable_or_reserved_database(
        self, name: str, throwaway: bool, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        with pytest.raises(CannotProvision, match="is not dropped"):
            ensure_database(name, throwaway=throwaway, fresh=True, project=project)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_another_users_project_is_refused_in_a_sentence(
        self,
        project: Project,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        project.var.mkdir(parents=True)
        project.var.chmod(0o500)
        assert main(["database", "orders"], project) == 1
        assert "belongs to another user" in capsys.readouterr().err
