"""Packages of Debian and Ubuntu, installed when we are permitted to."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from app.provision.identity import root_prefix
from app.provision.refusal import say

if TYPE_CHECKING:
    from collections.abc import Sequence

# Another apt (the nightly upgrade of a fresh machine) may hold the lock for a while.
APT = (
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "-q",
    "-y",
    "-o",
    "DPkg::Lock::Timeout=60",
)


def install_packages(names: Sequence[str]) -> bool:
    """Install system packages by apt; False when there is no apt, no right to, or it failed."""
    if shutil.which("apt-get") is None:
        return False
    prefix = root_prefix()
    if prefix is None:
        return False
    say(f"installing {', '.join(names)} with apt-get{' as root' if prefix else ''}")
    install = [*prefix, *APT, "install", "--no-install-recommends", *names]
    # The package lists of a fresh machine are empty or stale; the first try needs no refresh.
    return _succeeds(install, quiet=True) or (
        _succeeds([*prefix, *APT, "update"]) and _succeeds(install)
    )


def _succeeds(command: Sequence[str], *, quiet: bool = False) -> bool:
    answer = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if quiet else None,
    )
    return answer.returncode == 0
