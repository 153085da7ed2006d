"""A real private server: started once, found again, stopped, removed; others left alone."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app.provision import binaries
from app.provision.__main__ import main
from app.provision.binaries import find_binaries
from app.provision.cluster import Cluster
from app.provision.databases import ensure_database, stop_clusters
from app.provision.identity import ServerUser
from app.provision.notes import read_note, write_note
from app.provision.refusal import CannotProvision
from app.provision.server import server_pid
from tests.provision.conftest import ProjectBeside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.provision.project import Project

pytestmark = pytest.mark.skipif(
    find_binaries() is None, reason="DATABASE_URL is used here: no PostgreSQL with PostGIS"
)


@pytest.fixture(scope="module")
def cluster(open_folder: Path) -> Iterator[Cluster]:
    """One server for this file, in a project whose path is long and not ASCII."""
    project = ProjectBeside(open_folder / "派工 project" / ("deep" * 25))
    cluster = Cluster(project, throwaway=True)
    yield cluster
    cluster.remove()


@pytest.fixture(autouse=True)
def private_clusters_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def pid_of(cluster: Cluster) -> int:
    pid = server_pid(cluster.inside)
    assert pid is not None
    return pid


class TestStart:
    def test_a_second_start_finds_the_running_server(self, cluster: Cluster) -> None:
        note = cluster.start()
        pid = pid_of(cluster)
        assert cluster.start() == note
        assert pid_of(cluster) == pid

    def test_comes_back_on_its_port_after_a_crash(self, cluster: Cluster) -> None:
        note = cluster.start()
        pid = pid_of(cluster)
        opened = os.pidfd_open(pid)
        signal.pidfd_send_signal(opened, signal.SIGQUIT)  # immediate: leaves no clean state
        wait_for_end(opened)
        again = cluster.start()
        assert again.port == note.port
        assert pid_of(cluster) != pid
        assert not Path(note.socket_dir).exists()

    def test_a_process_number_that_now_belongs_to_another_program(self, cluster: Cluster) -> None:
        cluster.start()
        cluster.stop()
        with subprocess.Popen(["sleep", "60"]) as other:
            (cluster.inside / "postmaster.pid").write_text(f"{other.pid}\n{cluster.inside}\n")
            assert not cluster.is_running()
            cluster.start()
            assert pid_of(cluster) != other.pid
            assert other.poll() is None
            other.kill()

    def test_settings_of_a_throwaway_server(self, cluster: Cluster) -> None:
        wanted = {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "jit": "off",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "listen_addresses": "127.0.0.1",
            "server_encoding": "UTF8",
        }
        url = f"postgresql://paigong@127.0.0.1:{cluster.start().port}/postgres"
        with psycopg.connect(url) as db:
            assert {name: show(db, name) for name in wanted} == wanted

    def test_a_durable_server_keeps_what_it_committed(self, cluster: Cluster) -> None:
        durable = Cluster(cluster.project, throwaway=False)
        assert "fsync" not in durable.settings()


def show(db: psycopg.Connection[tuple[str]], name: str) -> str:
    row = db.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return row[0]


def wait_for_end(opened: int) -> None:
    ended, _, _ = select.select([opened], [], [], 20)
    os.close(opened)
    assert ended, "the server did not end"


class TestEnsureDatabase:
    def test_prints_an_address_that_has_everything(self, cluster: Cluster) -> None:
        url = ensure_database("orders", throwaway=True, project=cluster.project)
        note = read_note(cluster.home)
        assert note is not None
        assert url == f"postgresql://paigong@127.0.0.1:{note.port}/orders"
        with psycopg.connect(url) as db:
            names = {row[0] for row in db.execute("SELECT extname FROM pg_extension")}
            assert {"postgis", "pg_trgm", "btree_gist"} <= names
            found = db.execute("SELECT show_trgm('锅炉房') <> '{}'").fetchone()
        assert found == (True,), "trigrams keep Chinese characters"

    def test_keeps_the_rows_unless_it_is_made_afresh(self, cluster: Cluster) -> None:
        url = ensure_database("kept", throwaway=True, project=cluster.project)
        with psycopg.connect(url) as db:
            db.execute("CREATE TABLE orders ()")
        assert ensure_database("kept", throwaway=True, project=cluster.project) == url
        with psycopg.connect(url) as db:
            assert db.execute("SELECT to_regclass('orders') IS NULL").fetchone() == (False,)
        ensure_database("kept", throwaway=True, fresh=True, project=cluster.project)
        with psycopg.connect(url) as db:
            assert db.execute("SELECT to_regclass('orders') IS NULL").fetchone() == (True,)

    def test_stop_clusters_names_what_it_stopped(self, cluster: Cluster) -> None:
        cluster.start()
        assert stop_clusters(cluster.project) == ["pg-test"]
        assert stop_clusters(cluster.project) == []

    def test_a_server_can_be_stopped_after_its_programs_were_removed(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster.start()
        monkeypatch.setattr(binaries, "PLACES", ())
        monkeypatch.setenv("PATH", "")
        assert cluster.stop()
        assert not cluster.is_running()


class TestClean:
    def foreign_note(self, project: Project, cluster: Cluster) -> Cluster:
        """Another project whose note names the data folder of `cluster`."""
        note = cluster.start()
        intruder = Cluster(project, throwaway=True)
        intruder.home.mkdir(parents=True)
        write_note(intruder.home, replace(note, data_dir=str(cluster.inside)))
        return intruder

    def test_leaves_a_foreign_server_and_its_data_alone(
        self, project: Project, cluster: Cluster, capsys: pytest.CaptureFixture[str]
    ) -> None:
        intruder = self.foreign_note(project, cluster)
        pid = pid_of(cluster)
        assert main(["clean"], project) == 1
        assert "did not make" in capsys.readouterr().err
        assert pid_of(cluster) == pid
        with pytest.raises(CannotProvision, match="did not make"):
            intruder.stop()

    def test_leaves_the_server_of_another_project_running(
        self, project: Project, cluster: Cluster
    ) -> None:
        cluster.start()
        pid = pid_of(cluster)
        assert main(["clean"], project) == 0
        assert pid_of(cluster) == pid

    def test_removes_var_and_venv_and_nothing_else(self, project: Project) -> None:
        for folder in (project.var / "data", project.venv / "bin", project.root / "app"):
            folder.mkdir(parents=True)
        assert main(["clean"], project) == 0
        assert [path.name for path in project.root.iterdir()] == ["app"]

    def test_removes_data_that_lies_outside_the_project(self, project: Project) -> None:
        cluster = Cluster(project, throwaway=False)
        cluster.outside.mkdir(parents=True)
        cluster.home.mkdir(parents=True)
        (cluster.outside / "PG_VERSION").write_text("15\n")
        keep = project.root.with_name("beside")
        keep.mkdir()
        assert main(["clean"], project) == 0
        assert not project.outside.exists()
        assert keep.exists()


class TestPlaceData:
    def user(self) -> ServerUser:
        return ServerUser("someone", os.geteuid(), os.getegid(), switch=False)

    def test_data_lies_in_the_project_when_the_server_may_enter(self, project: Project) -> None:
        cluster = Cluster(project, throwaway=True)
        cluster.home.mkdir(parents=True)
        assert cluster.place_data(self.user()) == cluster.inside

    def test_data_lies_outside_a_closed_project(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ServerUser, "can_enter", lambda _user, _folder: False)
        cluster = Cluster(project, throwaway=True)
        assert cluster.place_data(self.user()) == cluster.outside
