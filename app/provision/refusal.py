"""The one way in which set-up gives up: a sentence that tells the reader what to do."""

from __future__ import annotations

import sys


class CannotProvision(Exception):
    """Set-up cannot go on; the message is one sentence saying what to install or to run."""


def say(line: str) -> None:
    """Tell the person at the terminal what happens now (stderr: stdout carries results)."""
    sys.stderr.write(f"paigong: {line}\n")
    sys.stderr.flush()
