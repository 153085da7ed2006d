"""Faults for the harness to find: each takes one promise out of the API, in this process only.

Nothing in the product knows of them; `tests.hostile.serve --fault NAME` seeds one.
"""

from collections.abc import Callable


def _skip_inbox_row() -> None:
    """A command is carried out and answered, but not kept: a replay does it again."""


def _drop_last_chunk() -> None:
    """What is kept of a file ends before its last bytes, and counts as verified."""


def _ignore_owner() -> None:
    """Whoever names an upload gets it, for any order."""


FAULTS: dict[str, Callable[[], None]] = {
    "skip-inbox-row": _skip_inbox_row,
    "drop-last-chunk": _drop_last_chunk,
    "ignore-owner": _ignore_owner,
}
