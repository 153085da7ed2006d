"""A private PostgreSQL cluster: made, started, found again, stopped, removed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.provision.binaries import PostgresBinaries, ensure_binaries
from app.provision.identity import ServerUser, server_user
from app.provision.notes import ClusterNote, read_note, write_note
from app.provision.ports import free_port
from app.provision.refusal import CannotProvision, say
from app.provision.server import halt, last_line, launch, remove_socket_dir, server_pid

if TYPE_CHECKING:
    from app.provision.project import Project

OWNER = "paigong"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",
}
# A crash of the machine may lose a throwaway cluster: that is the bargain for fast tests.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """One of the project's two clusters: the durable one, or the throwaway one of the tests.

    Hold the project's lock around `start`, `stop` and `remove`.
    """

    project: Project
    throwaway: bool

    @property
    def name(self) -> str:
        """Folder name of the cluster under `var`."""
        return "pg-test" if self.throwaway else "pg"

    @property
    def home(self) -> Path:
        """Folder that holds the note, and the data wherever the server's user can reach it."""
        return self.project.var / self.name

    @property
    def inside(self) -> Path:
        """Data folder under the project."""
        return self.home / "data"

    @property
    def outside(self) -> Path:
        """Data folder for projects that the server's user cannot reach."""
        return self.project.outside / self.name

    def note(self) -> ClusterNote | None:
        """What is known about the cluster, None when there is none.

        Raises CannotProvision when the note names a folder that is not one of our two places:
        such a cluster is somebody else's and is never touched.
        """
        note = read_note(self.home)
        if note is not None and Path(note.data_dir) not in (self.inside, self.outside):
            raise CannotProvision(
                f"{self.home} names the data folder {note.data_dir}, which this project did not "
                f"make: remove {self.home} if the project was copied or moved, and try again."
            )
        return note

    def start(self) -> ClusterNote:
        """Make the cluster if there is none, start it if it is down; idempotent.

        The port is the one of the last start while it is free.
        Raises CannotProvision with the end of the server's log when it does not start.
        """
        note = self.note()
        if note is None or not _has_data(note):
            user = server_user()
            binaries = ensure_binaries()
            note = self._create(user, binaries)
        else:
            data = Path(note.data_dir)
            if server_pid(data) is not None:
                return note
            user, binaries = server_user(data), ensure_binaries(_major(data))
        note = launch(user, binaries, note, self.settings())
        write_note(self.home, note)
        return note

    def is_running(self) -> bool:
        """Whether our own server runs on this cluster's data."""
        note = self.note()
        return note is not None and server_pid(Path(note.data_dir)) is not None

    def stop(self) -> bool:
        """Stop the server; open connections are ended. False when it was not running."""
        note = self.note()
        if note is None or not halt(Path(note.data_dir)):
            return False
        remove_socket_dir(note.socket_dir)
        return True

    def remove(self) -> None:
        """Stop the server and remove the cluster with all its data."""
        note = self.note()
        self.stop()
        if note is not None:
            remove_socket_dir(note.socket_dir)
        for folder in (self.outside, self.home):
            if folder.exists():
                shutil.rmtree(folder)
        beside = self.project.outside
        if beside.exists() and not any(beside.iterdir()):
            beside.rmdir()

    def _create(self, user: ServerUser, binaries: PostgresBinaries) -> ClusterNote:
        self.home.mkdir(parents=True, exist_ok=True)
        data = self.place_data(user)
        say(f"creating the private PostgreSQL {binaries.major} cluster in {data}")
        if data.exists():
            shutil.rmtree(data)  # left by a creation that was interrupted: it has no note yet
        data.mkdir(parents=True)
        user.give(data)
        options = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", OWNER]
        options += ["--no-sync"] if self.throwaway else []
        answer = user.run([binaries / "initdb", "-D", data, *options])
        if answer.returncode != 0:
            raise CannotProvision(f"initdb failed in {data}: {last_line(answer.stderr)}")
        return ClusterNote(str(data), free_port(), "")

    def place_data(self, user: ServerUser) -> Path:
        if user.can_enter(self.home):
            return self.inside
        say(f"user {user.name} may not enter {self.home}; the data goes to {self.outside}")
        return self.outside

    def settings(self) -> dict[str, str]:
        return {**SETTINGS, **(THROWAWAY_SETTINGS if self.throwaway else {})}


def _has_data(note: ClusterNote) -> bool:
    """Whether a finished cluster lies where the note says.

    Raises CannotProvision when another account made it.
    """
    try:
        return (Path(note.data_dir) / "PG_VERSION").is_file()
    except PermissionError as error:
        raise CannotProvision(
            f"The private cluster in {note.data_dir} was made by another user: run the command "
            "as that user, or run 'make clean' as that user first."
        ) from error


def _major(data: Path) -> int:
    return int((data / "PG_VERSION").read_text().strip())
