"""Hash chains over canonical JSON, so that an edited, dropped or reordered row is found."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

CANON_VERSION = 1
GENESIS = "0" * 64


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8; datetimes in UTC microseconds, decimals without zeros."""
    return json.dumps(
        value, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def chained_hash(prev_hash: str, row: Mapping[str, Any]) -> str:
    """sha256 over version, previous hash and row; `row` must not hold floats from arithmetic."""
    return hashlib.sha256(
        canonical_json({"v": CANON_VERSION, "prev": prev_hash, "row": dict(row)})
    ).hexdigest()
