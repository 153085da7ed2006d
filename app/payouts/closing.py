"""What the end of a month does to one person's lines: what is open leaves, what is too much waits.

Pure. Every line of it is a CARRY that names the line which it moves: `out` of the closed month and
`in` to the next one, equal and opposite, so that nothing is lost; only what was carried as long as
the rate card allows is dropped, in the person's favour (DOMAIN 5.8, 5.9).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from math import floor
from typing import Any, Protocol

from app.core.i18n import Text
from app.payouts.card_sections import Limits
from app.payouts.drafts import Draft, Entry, Worth, worth
from app.payouts.explain import yuan
from app.payouts.policy import next_month

OPEN = "carry-open"
EXCESS = "carry-excess"
DROPPED = "carry-dropped"


class Kept(Entry, Protocol):
    """An entry with what it was made of."""

    inputs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Closed:
    """One person's closing: the lines that it adds, and the limit that it kept."""

    drafts: list[Draft]
    earned_minor: int
    limit_minor: int
    taken_minor: int
    """What deductions ask for, before the limit."""


def close(lines: Sequence[Kept], month: str, undecided: Collection[int], limits: Limits) -> Closed:
    """Close a month of one person, whose `lines` of it come in the order of their chain.

    A line that is undecided, or that an undecided entry was carried as, leaves the month, and with
    it what undoes it there: apart, one would be paid in full and the other kept to a limit. Of what
    then is left, deductions (and reversals, where the card says so) take at most the card's share
    of what was earned, and nothing below the minimum pay; the oldest come first.
    """
    drafts: list[Draft] = []
    heads = _heads(lines)
    leaving = {heads[root(line)] for line in lines if root(line) in undecided}
    staying: list[Kept] = []
    for line in lines:
        if heads[root(line)] in leaving:
            drafts += _moved(line, worth(line), month, OPEN, 0)
        else:
            staying.append(line)
    found = _sorted(staying, limits)
    limit = _limit(found, limits)
    room = limit
    for line, value in found.takings:
        asked = -value.amount_minor
        fits = min(asked, room)
        room -= fits
        if fits < asked:
            drafts += _held_back(line, value, asked - fits, month, limits)
    taken = sum(-value.amount_minor for _, value in found.takings)
    return Closed(drafts, found.earned, limit, taken)


def root(line: Kept) -> int | None:
    """The entry that a line is about: itself, or what it carries."""
    return line.refers_to if line.kind == "CARRY" else line.id


def undoes(line: Kept) -> int | None:
    """The entry that a reversal, or what carries one, takes back; None for other lines."""
    if line.kind == "CARRY":
        return line.inputs.get("undoes")
    return line.refers_to if line.kind == "REVERSE" else None


def _heads(lines: Sequence[Kept]) -> dict[int | None, int | None]:
    """Root -> the root of the month that it undoes in the end, or itself: they are one sum."""
    here = {root(line) for line in lines}
    undone = {root(line): undoes(line) for line in lines if undoes(line) in here - {None}}
    heads: dict[int | None, int | None] = {}
    for first in here:
        head = first
        while head in undone:
            head = undone[head]
        heads[first] = head
    return heads


@dataclass(slots=True)
class _Sorted:
    """What the lines that stay give, take, and are besides, in fen."""

    earned: int = 0
    besides: int = 0
    """What no limit holds: corrections, and what else is neither earned nor taken."""
    takings: list[tuple[Kept, Worth]] = field(default_factory=list)


def _sorted(lines: Sequence[Kept], limits: Limits) -> _Sorted:
    """Lines by what they do to the month; one that is undone in it is netted with what undoes it,
    and a reversal of a reversal goes where that one went."""
    heads = _heads(lines)
    sums: dict[int | None, Worth] = {}
    firsts: dict[int | None, Kept] = {}
    for line in lines:
        head = heads[root(line)]
        sums[head] = sums.get(head, Worth()) + worth(line)
        if root(line) == head:
            firsts.setdefault(head, line)
    found = _Sorted()
    for head, line in firsts.items():
        minor = sums[head].amount_minor
        if line.kind in ("EARN", "BONUS") or (line.rule == OPEN and worth(line).amount_minor > 0):
            found.earned += minor
        elif minor < 0 and _is_limited(line, limits):
            found.takings.append((line, sums[head]))
        else:
            found.besides += minor
    return found


def _is_limited(line: Kept, limits: Limits) -> bool:
    """What two people agreed on is not; a reversal is where the card says so."""
    was = line.inputs.get("carries", line.kind)
    if was == "ADJUST":
        return False
    return limits.reversals_count or was != "REVERSE"


def _limit(found: _Sorted, limits: Limits) -> int:
    """The card's share of what was earned, as far as the whole statement stays at the minimum."""
    share = floor(Fraction(limits.deduction_share) * max(found.earned, 0))
    return max(0, min(share, found.earned + found.besides - limits.minimum_pay_minor))


def _held_back(line: Kept, value: Worth, minor: int, month: str, limits: Limits) -> list[Draft]:
    """The part of a taking that is too much: waits for the next month, or is dropped."""
    part = _part(value, minor)
    times = int(line.inputs.get("carried", 0))
    rule = EXCESS if times < limits.carry_months else DROPPED
    return _moved(line, part, month, rule, times + 1)


def _part(value: Worth, minor: int) -> Worth:
    """So many fen of a taking, with points in proportion, half-up to 0.01."""
    with localcontext(prec=60):
        points = value.points * minor / -value.amount_minor
        return Worth(points.quantize(Decimal("0.01"), ROUND_HALF_UP), -minor)


_WORDS = {
    OPEN: Text("未决，转入下月", "not decided yet, moved to the next month"),
    EXCESS: Text("超出当月扣减上限，转入下月", "beyond what this month may take, moved on"),
    DROPPED: Text(
        "超出扣减上限且转期届满，不再扣减", "beyond the limit for the last time, dropped"
    ),
}


def _moved(line: Kept, value: Worth, month: str, rule: str, times: int) -> list[Draft]:
    """Out of the month, and in to the next unless it is dropped."""
    out = _carry(line, -value, month, month, rule, "out", times)
    if rule == DROPPED:
        return [out]
    return [out, _carry(line, value, month, next_month(month), rule, "in", times)]


def _carry(
    line: Kept, value: Worth, month: str, period: str, rule: str, way: str, times: int
) -> Draft:
    words = _WORDS[rule]
    carries = line.inputs.get("carries", line.kind)
    money = yuan(value.amount_minor)
    inputs = {"carries": carries, "from_month": month, "line": line.id, "carried": times}
    if undoes(line) is not None:
        inputs["undoes"] = undoes(line)
    return Draft(
        technician_id=line.technician_id,
        order_id=line.order_id,
        kind="CARRY",
        rule=rule,
        cause=f"{month}:{line.id}:{way}",
        period=period,
        points=value.points,
        amount_minor=value.amount_minor,
        rate_card_id=line.rate_card_id,
        inputs=inputs,
        explanation_zh=f"{words.zh}：{money} 元（{month}）",
        explanation_en=f"{words.en}: {money} CNY ({month})",
        refers_to=root(line),
    )
