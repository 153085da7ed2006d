"""Lines that follow from lines: bonuses, deductions, reversals and corrections. Pure.

Nothing here changes a line; a reversal takes back what is left of one and never more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.i18n import Text
from app.payouts.drafts import Draft, Entry, Worth, net, remaining
from app.payouts.engine import part_of
from app.payouts.errors import NothingEarned
from app.payouts.explain import plain, yuan

PIECE = "piece"
PASSED = "passed"
FOLLOWED = "followed"
FIRST_TIME = "first-time-fix"
RATING = "rating"
BONUS_NAMES = {
    FIRST_TIME: Text("一次修复", "fixed first time"),
    RATING: Text("用户好评", "the customer's rating"),
}
DEDUCTION_NAMES = {
    "late_arrival": Text("迟到", "late arrival"),
    "late_done": Text("超时完工", "done late"),
    "low_rating": Text("差评成立", "low rating upheld"),
    "complaint": Text("投诉成立", "complaint upheld"),
    "false_proof": Text("虚假签到或照片", "false check-in or photo"),
}


@dataclass(frozen=True, slots=True)
class Why:
    """For what cause a line is posted, in which month, and what is said of it."""

    cause: str
    period: str
    text: Text
    inputs: dict[str, Any]
    unit: str = "points"
    """Of the card: what counts in fen is told in yuan alone."""

    def told(self, value: Worth) -> Text:
        """Points and yuan in words."""
        money = yuan(value.amount_minor)
        if self.unit == "fen":
            return Text(f"{money} 元", f"{money} CNY")
        points = f"{value.points:f}"
        return Text(f"{points} 分 = {money} 元", f"{points} points = {money} CNY")


def of_person(entries: Sequence[Entry], technician_id: UUID) -> list[Entry]:
    """One person's lines of an order, without what months carried between them."""
    return [
        each for each in entries if each.technician_id == technician_id and each.kind != "CARRY"
    ]


def bonus(earned: Entry, rule: str, part: Decimal, point_minor: int, why: Why) -> Draft:
    """A part of what an order earned a person, half-up to 0.01, on top of it (DOMAIN 5.5)."""
    value = Worth(*part_of(earned.points, part, point_minor))
    name, told, sum_ = BONUS_NAMES[rule], why.told(value), f"{earned.points:f} × {plain(part)}"
    said = {"part": plain(part), "of_points": plain(earned.points), "point_minor": point_minor}
    text = Text(
        f"{name.zh}：{sum_} = {told.zh}；{why.text.zh}",
        f"{name.en}: {sum_} = {told.en}; {why.text.en}",
    )
    return _draft(earned, "BONUS", rule, why, value, said, text)


def deduction(
    earned: Entry, standing: Sequence[Entry], kind: str, part: Decimal, point_minor: int, why: Why
) -> Draft:
    """A part of what an order earned a person, taken off; never more than the order still pays.

    `standing` are the person's lines of the order.
    """
    points, minor = part_of(earned.points, part, point_minor)
    left = net(of_person(standing, earned.technician_id))
    value = Worth(min(points, max(left.points, Decimal(0))), min(minor, max(left.amount_minor, 0)))
    name, told, sum_ = DEDUCTION_NAMES[kind], why.told(value), f"{earned.points:f} × {plain(part)}"
    said = {
        "part": plain(part),
        "of_points": plain(earned.points),
        "left_points": plain(left.points),
        "point_minor": point_minor,
    }
    text = Text(
        f"{name.zh}：{sum_}，扣 {told.zh}；{why.text.zh}",
        f"{name.en}: {sum_}, {told.en} off; {why.text.en}",
    )
    return _draft(earned, "DEDUCT", f"deduct-{kind}", why, -value, said, text)


def reversals(standing: Sequence[Entry], technician_id: UUID, why: Why) -> list[Draft]:
    """Take back all that is left of a person's lines of an order, bonuses and deductions too.

    Empty when nothing is left (DOMAIN 5.6).
    """
    drafts = []
    for entry in of_person(standing, technician_id):
        if entry.kind == "REVERSE":
            continue
        left = remaining(entry, standing)
        if left:
            drafts.append(_reversal(entry, left, why))
    return drafts


def counter_entry(entry: Entry, standing: Sequence[Entry], why: Why) -> Draft | None:
    """Undo a deduction or a reversal after a granted appeal; None when nothing is left of it."""
    left = remaining(entry, standing)
    return _reversal(entry, left, why) if left else None


def _reversal(entry: Entry, left: Worth, why: Why) -> Draft:
    """The cause names the line too: an order may hold several of one rule."""
    why = replace(why, cause=f"{why.cause}:{entry.id}")
    said = {"of_points": plain(entry.points), "left_points": plain(left.points)}
    told = why.told(left)
    text = Text(
        f"冲回 {entry.period} 的 {told.zh}；{why.text.zh}",
        f"takes back {told.en} of {entry.period}; {why.text.en}",
    )
    return _draft(entry, "REVERSE", f"reverse-{entry.rule}", why, -left, said, text)


def adjustment(
    earned: Entry, standing: Sequence[Entry], points: Decimal, point_minor: int, why: Why
) -> Draft:
    """What two people agreed to add or to take off a person's line of an order.

    `standing` are the order's lines. Raises NothingEarned when it would take more than the order
    still pays the person.
    """
    size, minor = part_of(abs(points), Decimal(1), point_minor)
    sign = -1 if points < 0 else 1
    value = Worth(sign * size, sign * minor)
    left = net(of_person(standing, earned.technician_id)).amount_minor
    if value.amount_minor < 0 and -value.amount_minor > left:
        raise NothingEarned(f"the order still pays {left} fen")
    told = why.told(value)
    text = Text(f"更正 {told.zh}；{why.text.zh}", f"correction of {told.en}; {why.text.en}")
    return _draft(earned, "ADJUST", "adjust", why, value, {"point_minor": point_minor}, text)


def _draft(
    entry: Entry, kind: str, rule: str, why: Why, value: Worth, said: dict[str, Any], text: Text
) -> Draft:
    return Draft(
        technician_id=entry.technician_id,
        order_id=entry.order_id,
        kind=kind,
        rule=rule,
        cause=why.cause,
        period=why.period,
        points=value.points,
        amount_minor=value.amount_minor,
        rate_card_id=entry.rate_card_id,
        inputs=said | why.inputs,
        explanation_zh=text.zh,
        explanation_en=text.en,
        refers_to=entry.id,
    )
