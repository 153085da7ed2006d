"""What goes down the wire: server-sent events, written once for all who read them."""

import json
from dataclasses import dataclass
from uuid import UUID

from app.core.feed import Cursor

PING = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One change as the feed keeps it."""

    place: Cursor
    entity: str
    entity_id: UUID
    before: frozenset[str]
    after: frozenset[str]


def change(row: FeedRow, *, gone: bool) -> bytes:
    """`change`: what changed, or is gone for this reader; its id is where to resume."""
    data = {"entity": row.entity, "entity_id": str(row.entity_id), "gone": gone}
    return _event("change", data, str(row.place))


def ready(place: Cursor) -> bytes:
    """`ready`: everything up to here has been told, what follows is live."""
    return _event("ready", {}, str(place))


def reset(why: str) -> bytes:
    """`reset`: the reader must read all anew, and connect again without a place."""
    # An empty id makes an EventSource forget the last one.
    return f'id\nevent: reset\ndata: {{"why": "{why}"}}\n\n'.encode()


def bye(why: str) -> bytes:
    """`bye`: connect again, with a fresh token when `why` says so; the place stays good."""
    return f'event: bye\ndata: {{"why": "{why}"}}\n\n'.encode()


def _event(name: str, data: dict[str, object], place: str) -> bytes:
    body = json.dumps(data, separators=(",", ":"))
    return f"id: {place}\nevent: {name}\ndata: {body}\n\n".encode()
