"""One open stream from its reader's side: the gap, then what is live; the sign-in is rechecked."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from app.core import clock, feed
from app.core.feed import Cursor
from app.core.permissions import Permission
from app.core.problems import Problem
from app.core.scope import Principal
from app.stream.clients import Client, Item, Word
from app.stream.events import PING, FeedRow, bye, change, ready, reset
from app.stream.hub import Hub

RECHECK_S = 15.0
"""Real seconds after which a sign-out, a run-out token or other crews end a stream."""

WHY_ANEW = {Word.RESTORED: "restored", Word.MOVED: "other crews"}

WhoAsks = Callable[[], Awaitable[Principal]]
"""Authenticates the request again, in a short transaction of its own."""


def audience_of(principal: Principal) -> frozenset[str] | None:
    """The feed tokens that the caller may hear; None is the whole company.

    A technician hears of their crews and of themselves, as sync tells them; who reads orders of
    stations hears of these stations, and nobody of more.
    """
    stations = principal.stations(Permission.ORDERS_READ)
    if stations is None:
        return None
    own = {feed.crew_token(crew_id) for crew_id in principal.crew_ids}
    return frozenset(
        {feed.station_token(each) for each in stations} | own | {feed.user_token(principal.id)}
    )


async def read(
    hub: Hub, principal: Principal, cursor: Cursor | None, who: WhoAsks, *, live: bool
) -> AsyncIterator[bytes]:
    """Events from `cursor` on, as bytes; ends after the gap when the reader wants no live ones."""
    audience = audience_of(principal)
    person = feed.user_token(principal.id)
    client = hub.join(audience, cursor, person)
    try:
        if cursor is not None:
            if not await hub.is_good(cursor):
                yield reset("too old")
                return
            async for rows in hub.missed(audience, cursor, client.seen):
                if any(row.entity == "crew" and person in row.before | row.after for row in rows):
                    yield reset("other crews")
                    return
                yield b"".join(change(row, gone=_is_gone(row, audience)) for row in rows)
        yield ready(client.seen)
        if live:
            async for piece in _follow(client, audience, who):
                yield piece
    finally:
        hub.clients.remove(client)


def _is_gone(row: FeedRow, audience: frozenset[str] | None) -> bool:
    return audience is not None and not row.after & audience


async def _follow(
    client: Client, audience: frozenset[str] | None, who: WhoAsks
) -> AsyncIterator[bytes]:
    checked_at = clock.monotonic()
    while True:
        items = await client.take(RECHECK_S)
        told, word = _until_word(items)
        if told:
            yield told
        if word is Word.TOO_SLOW:
            yield bye("slow")
            return
        if word in WHY_ANEW:
            yield reset(WHY_ANEW[word])
            return
        if word is Word.RECHECK or clock.monotonic() - checked_at >= RECHECK_S:
            if last := await _last_word(who, audience):
                yield last
                return
            checked_at = clock.monotonic()
            yield _rest(items, told) or PING


def _until_word(items: Sequence[Item]) -> tuple[bytes, Word | None]:
    """The events before the first word, and the word."""
    for place, item in enumerate(items):
        if isinstance(item, Word):
            return _joined(items[:place]), item
    return _joined(items), None


def _rest(items: Sequence[Item], told: bytes) -> bytes:
    """The events that were held back until the reader was known again."""
    return _joined(items)[len(told) :]


def _joined(items: Sequence[Item]) -> bytes:
    return b"".join(item for item in items if isinstance(item, bytes))


async def _last_word(who: WhoAsks, audience: frozenset[str] | None) -> bytes | None:
    """Why the stream must end now, or None."""
    try:
        principal = await who()
    except Problem:
        return bye("sign in again")
    return reset("other crews") if audience_of(principal) != audience else None
