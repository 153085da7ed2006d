"""What the end of a month does to one person's lines: what is open leaves, what is too much waits.

Pure. Every line of it is a CARRY that names the line which it moves: `out` of the closed month and
`in` to the next one, equal and opposite, so that nothing is lost; only what was carried as long as
the rate card allows is dropped, in the person's favour (DOMAIN 5.8, 5.9).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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

    A line that is undecided, or that an undecided entry was carried as, leaves the month. Of what
    then is left, deductions (and reversals, where the card says so) take at most the card's share
    of what was earned, and nothing below the minimum pay; the oldest come first.
    """
    drafts: list[Draft] = []
    staying: list[Kept] = []
    for line in lines:
        if root(line) in undecided:
            drafts += _moved(line, worth(line), month, OPEN, 0)
        else:
            staying.append(line)
    earned, takings = _sorted(staying, limits)
    limit = _limit(earned, limits)
    room = limit
    for line, value in takings:
        asked = -value.amount_minor
        fits = min(asked, room)
        room -= fits
        if fits < asked:
            drafts += _held_back(line, value, asked - fits, month, limits)
    taken = sum(-value.amount_minor for _, value in takings)
    return Closed(drafts, earned, limit, taken)


def root(line: Kept) -> int | None:
    """The entry that a line is about: itself, or what it carries."""
    return line.refers_to if line.kind == "CARRY" else line.id


def _sorted(lines: Sequence[Kept], limits: Limits) -> tuple[int, list[tuple[Kept, Worth]]]:
    """(fen earned, lines that take with what they take); a line undone in its month is netted."""
    undone = _undone(lines)
    earned, takings = 0, []
    for line in lines:
        if line.id in undone.netted:
            continue
        value = worth(line) + undone.by_root.pop(root(line), Worth())
        if line.kind in ("EARN", "BONUS") or (line.rule == OPEN and worth(line).amount_minor > 0):
            earned += value.amount_minor
        elif value.amount_minor < 0 and _is_limited(line, limits):
            takings.append((line, value))
    return earned, takings


@dataclass(frozen=True, slots=True)
class _Undone:
    """What reversals of the month take from other lines of it, carried ones too."""

    by_root: dict[int | None, Worth]
    netted: set[int | None]


def _undone(lines: Sequence[Kept]) -> _Undone:
    """A reversal is netted with the line of the month that is about what it undoes, if one is;
    a reversal of a reversal goes where that one went."""
    here = {root(line) for line in lines}
    went: dict[int | None, int | None] = {}
    found = _Undone({}, set())
    for line in lines:  # in the order of the chain: what is undone comes first
        if line.kind != "REVERSE" or line.refers_to not in here:
            continue
        to = went.get(line.refers_to, line.refers_to)
        went[line.id] = to
        found.by_root[to] = found.by_root.get(to, Worth()) + worth(line)
        found.netted.add(line.id)
    return found


def _is_limited(line: Kept, limits: Limits) -> bool:
    """What two people agreed on is not; a reversal is where the card says so."""
    if line.kind == "ADJUST":
        return False
    reverses = line.kind == "REVERSE" or line.inputs.get("carries") == "REVERSE"
    return limits.reversals_count or not reverses


def _limit(earned: int, limits: Limits) -> int:
    share = floor(Fraction(limits.deduction_share) * max(earned, 0))
    return max(0, min(share, earned - limits.minimum_pay_minor))


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
