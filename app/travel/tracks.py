"""Which fixes of a crew's phones are one drive: pure rules over times and places.

One phone speaks for a crew at a time: the leader's, else the one that measured most. A stretch of
time that is matched is never matched again; what comes late fills the holes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from app.travel import policy
from routing import Fix
from routing.places import coordinates, straight_m


class Span(NamedTuple):
    """A stretch of time, both ends included."""

    from_at: datetime
    to_at: datetime


class Spell(NamedTuple):
    """A crew on its way to an order; `to_at` is None while it lasts."""

    order_id: UUID
    from_at: datetime
    to_at: datetime | None
    arrived: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Fixes without a gap, all of one spell on the way or of none."""

    fixes: tuple[Fix, ...]
    spell: Spell | None


def segments(phones: Iterable[Sequence[Fix]], matched: Sequence[Span]) -> list[tuple[Fix, ...]]:
    """The fixes to be matched, of phones in the order in which they are believed.

    A segment is a row of ways between neighbouring fixes that nobody has matched; it may begin
    and end with a fix that is matched already, so that no way between is lost.
    """
    taken, found = list(matched), list[tuple[Fix, ...]]()
    for fixes in phones:
        new = list(_unmatched(fixes, tuple(taken)))
        found += new
        taken += [Span(segment[0].at, segment[-1].at) for segment in new]
    return found


def _unmatched(fixes: Sequence[Fix], taken: Sequence[Span]) -> Iterator[tuple[Fix, ...]]:
    segment: list[Fix] = []
    for before, fix in pairwise(fixes):
        known = any(span.from_at < fix.at and before.at < span.to_at for span in taken)
        if not known and fix.at - before.at <= policy.LONGEST_GAP:
            segment = segment or [before]
            segment.append(fix)
        elif segment:
            yield tuple(segment)
            segment = []
    if segment:
        yield tuple(segment)


def united(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as possible, in order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.from_at <= found[-1].to_at:
            found[-1] = Span(found[-1].from_at, max(found[-1].to_at, span.to_at))
        else:
            found.append(span)
    return found


def settled_until(now: datetime, spells: Iterable[Spell]) -> datetime:
    """Up to when fixes are matched: batches have come, and no drive is cut in two."""
    until = now - policy.SETTLED_AFTER
    for spell in sorted(spells, key=lambda spell: spell.from_at, reverse=True):
        forgotten = spell.to_at is None and now - spell.from_at >= policy.LONGEST_DRIVE
        if spell.from_at < until < (spell.to_at or now) and not forgotten:
            until = spell.from_at
    return until


def runs(segment: Sequence[Fix], spells: Sequence[Spell]) -> Iterator[Run]:
    """Cut a segment where spells begin and end; each run begins with the last fix before it.

    Nobody drove to an order before the departure: of the way between the last fix before it and
    the first after, the time from the departure on counts.
    """
    current: list[Fix] = []
    spell: Spell | None = None
    for fix in segment:
        now_in = _spell_at(fix.at, spells)
        if current and now_in != spell:
            at_departure = now_in is not None and fix.at == now_in.from_at
            yield Run((*current, fix) if at_departure else tuple(current), spell)
            current = [] if at_departure else [_departing(current[-1], now_in)]
        spell = now_in
        current.append(fix)
    if current:
        yield Run(tuple(current), spell)


def _departing(fix: Fix, spell: Spell | None) -> Fix:
    return fix if spell is None else fix._replace(at=max(fix.at, spell.from_at))


def _spell_at(instant: datetime, spells: Iterable[Spell]) -> Spell | None:
    for spell in spells:
        if spell.to_at is not None and spell.from_at <= instant <= spell.to_at:
            return spell
    return None


def moved(fixes: Sequence[Fix]) -> list[Fix]:
    """The fixes that show a move: a standing phone's noise is no way driven.

    The drive begins when the phone was last seen standing, not when it first stood there.
    """
    places = coordinates([fix.place for fix in fixes])
    base, kept = 0, list(fixes[:1])
    for index in range(1, len(fixes)):
        metres = straight_m(places[base : base + 1], places[index : index + 1]).item()
        if metres > max(policy.LEAST_MOVE_M, fixes[index].accuracy_m):
            base = index
            kept.append(fixes[index])
        elif base == 0:
            kept[0] = fixes[0]._replace(at=fixes[index].at)
    return kept


def pieces(fixes: Sequence[Fix]) -> list[Sequence[Fix]]:
    """At most 100 fixes each, every piece beginning where the one before ended."""
    step = policy.MOST_FIXES - 1
    return [fixes[at : at + policy.MOST_FIXES] for at in range(0, max(len(fixes) - 1, 0), step)]


def believed(phones: Mapping[UUID, Sequence[Fix]], leader: UUID | None) -> list[Sequence[Fix]]:
    """The phones' fixes: the leader's first, then by their number."""
    order = sorted(phones, key=lambda who: (who != leader, -len(phones[who]), who))
    return [phones[who] for who in order]
