"""As whom commands run: the unprivileged server user, and root's rights for packages."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
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

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as this account and capture its text output; never raises on failure."""
        if self.switch:
            options.update(user=self.uid, group=self.gid, extra_groups=[self.gid])
        return subprocess.run(  # noqa: PLW1510 - callers look at returncode
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


def server_user() -> ServerUser:
    """The account to run PostgreSQL as: ourselves, or an unprivileged one when we are root.

    Raises CannotProvision when we are root and the machine has no such account.
    """
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return ServerUser(me.pw_name, me.pw_uid, me.pw_gid, switch=False)
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise CannotProvision(
        "PostgreSQL refuses to run as root and this machine has no user 'postgres' or 'nobody': "
        "create one with 'useradd --system postgres', or run this command as a normal user."
    )


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
