"""As whom commands run: the unprivileged server user, and root's rights for packages."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.provision.refusal import CannotProvision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNPRIVILEGED_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class ServerUser:
    """The account that owns and runs a private cluster.

    `switch` is true when we are root and must become that account first.
    """

    name: str
    uid: int
    gid: int
    switch: bool

    def run(self, command: Sequence[object], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as this account and capture its text output; never raises on failure."""
        if self.switch:
            options.update(user=self.uid, group=self.gid, extra_groups=[self.gid])
        return subprocess.run(
            [str(part) for part in command],
            cwd="/",
            env=server_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            **options,
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this account can search the folder, which needs every parent as well."""
        return self.run(["/bin/sh", "-c", 'test -x "$1"', "sh", folder]).returncode == 0

    def give(self, folder: Path) -> None:
        """Make this account the owner of a folder, closed to all others."""
        if self.switch:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def server_user(data: Path | None = None) -> ServerUser:
    """The account to run PostgreSQL as: ourselves, or an unprivileged one when we are root.

    For an existing data folder root becomes its owner.
    Raises CannotProvision when we are root and the machine has no such account.
    """
    if os.geteuid() != 0:
        return _account(os.geteuid(), switch=False)
    if data is not None and data.stat().st_uid != 0:
        return _account(data.stat().st_uid, switch=True)
    for name in UNPRIVILEGED_USERS:
        with suppress(KeyError):
            return _account(pwd.getpwnam(name).pw_uid, switch=True)
    raise CannotProvision(
        "PostgreSQL refuses to run as root and this machine has no user 'postgres' or 'nobody': "
        "create one with 'useradd --system postgres', or run this command as a normal user."
    )


def _account(uid: int, *, switch: bool) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise CannotProvision(
            f"User number {uid} has no entry in the machine's user list, which PostgreSQL needs: "
            "create the account with 'useradd', or set DATABASE_URL."
        ) from error
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid, switch)


def server_environment() -> dict[str, str]:
    """Our environment without what would send PostgreSQL's programs to another server."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PG", "LC_"))}
    kept.update(LANG="C.UTF-8", LC_ALL="C.UTF-8")
    return kept


def root_prefix() -> list[str] | None:
    """What to put before a command to run it as root; None when we may not.

    [] for root itself; sudo without a password, or sudo that asks when a person is at a terminal.
    """
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo is None:
        return None
    silent = subprocess.run([sudo, "-n", "true"], capture_output=True, stdin=subprocess.DEVNULL)
    if silent.returncode == 0:
        return [sudo, "-n"]
    return [sudo] if sys.stdin.isatty() else None
