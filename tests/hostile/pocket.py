"""What a phone in Python keeps: SQLite, synced, so that a kill loses nothing that was said."""

import hashlib
import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from app.demo.album import Shot

_TABLES = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS commands (
  seq INTEGER PRIMARY KEY, id TEXT UNIQUE, order_id TEXT, kind TEXT, body TEXT, answer TEXT);
CREATE TABLE IF NOT EXISTS files (
  id TEXT PRIMARY KEY, order_id TEXT, kind TEXT, sha256 TEXT, captured_at TEXT, content BLOB,
  state TEXT DEFAULT 'waiting', tries INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, body TEXT);
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT);
"""
Json = dict[str, Any]


class Pocket:
    """Commands, files, jobs and cursor; every call is one transaction."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path)
        self.db.executescript(_TABLES)

    def say(self, command_id: str, said: Json) -> Json:
        """Keep a command under the next number."""
        with self.db:
            (last,) = self.db.execute("SELECT coalesce(max(seq), 0) FROM commands").fetchone()
            command = {"id": command_id, "device_seq": last + 1, **said}
            row = (last + 1, command_id, said["order_id"], said["kind"], json.dumps(command))
            self.db.execute(
                "INSERT INTO commands (seq, id, order_id, kind, body) VALUES (?,?,?,?,?)", row
            )
        return command

    def waiting(self, at_most: int) -> list[Json]:
        """The oldest commands without an answer."""
        rows = self.db.execute(
            "SELECT body FROM commands WHERE answer IS NULL ORDER BY seq LIMIT ?", (at_most,)
        )
        return [json.loads(body) for (body,) in rows]

    def settle(self, answers: list[Json]) -> None:
        """Keep what was answered for good, and where the orders stand."""
        with self.db:
            for answer in answers:
                if answer["outcome"] == "retry":
                    continue
                self.db.execute(
                    "UPDATE commands SET answer = ? WHERE id = ?",
                    (json.dumps(answer), answer["id"]),
                )

    def say_again(self, ids: list[str]) -> None:
        with self.db:
            self.db.executemany(
                "UPDATE commands SET answer = NULL WHERE id = ?", [(i,) for i in ids]
            )

    def said_of(self, order_id: str) -> set[str]:
        """Kinds of commands that were said of an order."""
        rows = self.db.execute("SELECT kind FROM commands WHERE order_id = ?", (order_id,))
        return {kind for (kind,) in rows}

    def add_file(self, order_id: str, shot: Shot) -> None:
        with self.db:
            self.db.execute(
                "INSERT INTO files (id, order_id, kind, sha256, captured_at, content)"
                " VALUES (?,?,?,?,?,?)",
                (str(shot.file_id), order_id, shot.kind, shot.sha256,
                 shot.captured_at.isoformat(), shot.content),
            )  # fmt: skip

    def shots(self, where: str, *values: Any) -> list[tuple[str, Shot]]:
        """(order, file) of the files that the clause selects, the luckless ones last."""
        rows = self.db.execute(
            "SELECT order_id, id, kind, sha256, captured_at, content FROM files"
            f" WHERE {where} ORDER BY tries",
            values,
        )
        return [(row[0], _shot(row[1:])) for row in rows]

    def set_file(self, file_id: str, state: str) -> None:
        with self.db:
            self.db.execute(
                "UPDATE files SET state = ?, tries = tries + 1 WHERE id = ?", (state, file_id)
            )

    def pulled(self, told: Json) -> None:
        """Jobs, tombstones, crews and cursor, all or nothing."""
        with self.db:
            if told["mode"] == "full":
                self.db.execute("DELETE FROM jobs")
            for job in told["jobs"]:
                self.db.execute("REPLACE INTO jobs VALUES (?,?)", (job["id"], json.dumps(job)))
            self.db.executemany("DELETE FROM jobs WHERE id = ?", [(i,) for i in told["gone"]])
            self._keep("cursor", told["cursor"])
            if told.get("crews") is not None:
                self._keep("crews", told["crews"])

    def jobs(self) -> list[Json]:
        return [json.loads(body) for (body,) in self.db.execute("SELECT body FROM jobs")]

    def has_job(self, order_id: str) -> bool:
        return (
            self.db.execute("SELECT 1 FROM jobs WHERE id = ?", (order_id,)).fetchone() is not None
        )

    def kept(self, key: str) -> Any:
        row = self.db.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def keep(self, key: str, value: Any) -> None:
        with self.db:
            self._keep(key, value)

    def _keep(self, key: str, value: Any) -> None:
        self.db.execute("REPLACE INTO kept VALUES (?,?)", (key, json.dumps(value)))

    def has_work(self) -> bool:
        """Whether a command or a file waits to be sent."""
        (waits,) = self.db.execute(
            "SELECT EXISTS (SELECT 1 FROM commands WHERE answer IS NULL)"
            " OR EXISTS (SELECT 1 FROM files WHERE state = 'waiting')"
        ).fetchone()
        return bool(waits)

    def manifest(self) -> Json:
        """All that this phone holds, for reconciliation."""
        commands = self.db.execute("SELECT id, seq FROM commands").fetchall()
        files = self.db.execute(
            "SELECT id, order_id, sha256, length(content) FROM files"
        ).fetchall()
        return {
            "orders": [{"id": job["id"], "version": job["version"]} for job in self.jobs()],
            "commands": [{"id": each, "device_seq": seq} for each, seq in commands],
            "files": [
                {"id": each, "order_id": order, "sha256": sha256, "size_bytes": size}
                for each, order, sha256, size in files
            ],
        }


def new_shot(kind: str, content: bytes, at: datetime) -> Shot:
    """A picture that was just taken."""
    return Shot(uuid4(), kind, "image/jpeg", content, hashlib.sha256(content).hexdigest(), at)


def _shot(row: tuple[Any, ...]) -> Shot:
    file_id, kind, sha256, captured_at, content = row
    taken = datetime.fromisoformat(captured_at)
    return Shot(UUID(file_id), kind, "image/jpeg", content, sha256, taken)
