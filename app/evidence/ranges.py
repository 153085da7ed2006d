"""One range of bytes of a file, as HTTP asks for it."""

import re

from app.evidence.errors import RangeNotSatisfiable


def asked_range(asked: str | None, size_bytes: int) -> tuple[int, int] | None:
    """(first, one behind the last) byte; None when all is asked for.

    Raises RangeNotSatisfiable unless `asked` is one plain range that touches the file.
    """
    if asked is None:
        return None
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", asked.strip())
    first, last = found.groups() if found else ("", "")
    if first:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
    else:
        start, end = max(size_bytes - int(last or 0), 0), size_bytes
    if start >= end:
        raise RangeNotSatisfiable(size_bytes=size_bytes)
    return start, end
