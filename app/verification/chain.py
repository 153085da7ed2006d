"""The hash chains again, from the documented format and not from the code that wrote them.

Format version 1: sha256 over the UTF-8 text of `{"prev":…,"row":{…},"v":1}` with sorted keys and
no spaces; instants in UTC with microseconds and `+00:00`, exact decimals without trailing zeros,
identifiers as text. The first link's `prev` is 64 zeros.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any
from uuid import UUID

from app.verification.difference import Difference, differ

FIRST_PREV = "0" * 64
EVENT_FIELDS = (
    *("order_id", "seq", "action", "from_state", "to_state", "actor_kind", "actor_id"),
    *("actor_role", "device_id", "assignment_id", "client_at", "at", "server_at", "payload"),
)


def canonical(value: Any) -> str:
    """The one text of a value; raises TypeError for what the format does not know."""
    return _encoder.encode(value)


def _text(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Decimal):
        return _without_zeros(value)
    raise TypeError(f"no canonical text for {type(value).__name__}")


def _without_zeros(value: Decimal) -> str:
    text = f"{value:f}"
    if "." not in text:
        return text
    text = text.rstrip("0").rstrip(".")
    return text if text not in {"", "-"} else "0"


@lru_cache(4096)
def _identifier(value: UUID) -> str:
    """Written once: the people, cards and crews of many rows."""
    return f'"{value}"'


_encoder = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_text
)
_WRITTEN: Mapping[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: int.__repr__,
    type(None): lambda _: "null",
    UUID: _identifier,
    datetime: lambda value: f'"{_text(value)}"',
    Decimal: lambda value: f'"{_without_zeros(value)}"',
}
"""What a column holds, written without the encoder's start and calls back; all else is for it."""


def link(prev_hash: str, row: Mapping[str, Any]) -> str:
    """The hash that must stand behind `row`."""
    names = sorted(row)
    return _hash(prev_hash, _names(tuple(names)), [row[name] for name in names])


def _hash(prev_hash: str, names: Sequence[str], values: Iterable[Any]) -> str:
    """Of a row whose sorted names are written as `"name":` each."""
    members = [
        name + _WRITTEN.get(type(value), canonical)(value)
        for name, value in zip(names, values, strict=True)
    ]
    said = f'{{"prev":{encode_basestring(prev_hash)},"row":{{{",".join(members)}}},"v":1}}'
    return hashlib.sha256(said.encode()).hexdigest()


@lru_cache(64)
def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{encode_basestring(name)}:" for name in names)


def check_chain(
    check: str, subject: str, rows: Sequence[Any], fields: tuple[str, ...]
) -> list[Difference]:
    """Gapless `seq` from 1, each `prev_hash` its predecessor's `hash`, each `hash` recomputed.

    Without `fields` the hashes are left alone. A row is judged by its own `prev_hash`, so one
    damage does not blame every row behind it.
    """
    return [
        *_gaps(check, subject, [row.seq for row in rows]),
        *_prevs(check, subject, rows),
        *(check_rows(check, subject, rows, fields) if fields else []),
    ]


def _gaps(check: str, subject: str, numbers: list[int]) -> Iterator[Difference]:
    for before, number in pairwise([0, *numbers]):
        if number != before + 1:
            yield Difference(check, f"{subject} seq", str(number), str(before + 1))


def _prevs(check: str, subject: str, rows: Sequence[Any]) -> Iterator[Difference]:
    expected = FIRST_PREV
    for row in rows:
        if row.prev_hash != expected:
            found = f"{subject} #{row.seq} prev_hash"
            yield Difference(check, found, row.prev_hash, expected)
        expected = row.hash


def check_rows(
    check: str, subject: str, rows: Sequence[Any], fields: tuple[str, ...]
) -> list[Difference]:
    """Each row is what its `hash` was made of, behind its `prev_hash`."""
    written, values = _written(fields)
    found = []
    for row in rows:
        expected = _hash(row.prev_hash, written, values(row))
        if row.hash != expected:
            found.append(Difference(check, f"{subject} #{row.seq} hash", row.hash, expected))
    return found


@lru_cache(16)
def _written(fields: tuple[str, ...]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Two or more fields in their canonical order: their names' texts, and what reads them."""
    names = sorted(fields)
    return _names(tuple(names)), attrgetter(*names)


def check_tail(
    check: str, subject: str, rows: Sequence[Any], last_seq: int, last_hash: str
) -> list[Difference]:
    """The remembered end of the chain is its last row: a cut-off tail is found."""
    seq, digest = (rows[-1].seq, rows[-1].hash) if rows else (0, FIRST_PREV)
    return [
        *differ(check, f"{subject} last seq", last_seq, seq),
        *differ(check, f"{subject} last hash", last_hash, digest),
    ]
