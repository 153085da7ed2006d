"""The sentences about assigned orders and changed plans; Chinese first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

TERM_NAMES: Mapping[str, tuple[str, str]] = {
    "unserved": ("未派工单", "orders left out"),
    "late": ("迟到", "lateness"),
    "waiting": ("客户等候", "customers' waiting"),
    "travel": ("行车", "driving"),
    "overtime": ("加班", "overtime"),
    "move": ("改派", "changes of crew"),
    "area": ("跨片区", "foreign areas"),
    "spread": ("工作量均衡", "unequal workloads"),
    "income": ("收入均衡", "unequal incomes"),
}
"""What people call the terms of a price."""


class Priced(Protocol):
    """A crew with what an order costs there."""

    @property
    def crew_id(self) -> str: ...
    @property
    def price(self) -> int: ...
    @property
    def dearer(self) -> int: ...
    @property
    def terms(self) -> Mapping[str, int]: ...


def why_sentences(chosen: Priced, others: Sequence[Priced], accepted: bool) -> tuple[str, str]:
    """Return why the order is with its crew, against the best of the others."""
    zh = f"班组 {chosen.crew_id} 承接此单的代价为 {chosen.price}"
    en = f"With {chosen.crew_id} the order costs {chosen.price}"
    if accepted:
        return zh + ",该班组已接单,不再改派。", en + "; the crew has accepted it, so it stays."
    if not others:
        return zh + ",没有其他班组可以承接。", en + "; no other crew can do it."
    next_one = others[0]
    more = {term: value - chosen.terms[term] for term, value in next_one.terms.items()}
    if next_one.dearer < 0:
        term_zh, term_en = TERM_NAMES[min(more, key=more.__getitem__)]
        return (
            f"{zh};班组 {next_one.crew_id} 低 {-next_one.dearer}(主要在{term_zh})。",
            f"{en}; {next_one.crew_id} would cost {-next_one.dearer} less, mostly in {term_en}.",
        )
    if next_one.dearer == 0:
        return f"{zh},与班组 {next_one.crew_id} 相同。", f"{en}, as with {next_one.crew_id}."
    term_zh, term_en = TERM_NAMES[max(more, key=more.__getitem__)]
    return (
        f"{zh};其次为班组 {next_one.crew_id},高 {next_one.dearer}(主要在{term_zh})。",
        f"{en}; next comes {next_one.crew_id}, {next_one.dearer} dearer, mostly in {term_en}.",
    )


def move_sentences(
    order_id: str,
    from_crew: str | None,
    to_crew: str | None,
    because: str | None,
    saved: Mapping[str, int],
    gain: int,
) -> tuple[str, str]:
    """Return where an order went and what that saved."""
    zh_from, en_from = (from_crew, from_crew) if from_crew else ("未派", "nobody")
    zh_to, en_to = (to_crew, to_crew) if to_crew else ("未派", "nobody")
    zh = f"工单 {order_id} 由 {zh_from} 改为 {zh_to}"
    en = f"Order {order_id} went from {en_from} to {en_to}"
    if because is None:
        return (
            f"{zh},为其他工单腾出余地,自身代价增加 {-gain}。",
            f"{en} to make room for others; by itself that costs {-gain}.",
        )
    term_zh, term_en = TERM_NAMES[because]
    return (
        f"{zh},主要节省{term_zh} {saved[because]},合计节省 {gain}。",
        f"{en}: it saves {saved[because]} in {term_en}, {gain} in all.",
    )


def difference_sentences(saved: Mapping[str, int], gain: int, moved: int) -> tuple[str, str]:
    """Return what a new plan saves, and in which term most."""
    fell = gain >= 0
    zh = f"共 {moved} 个工单换了班组,总代价{'节省' if fell else '增加'} {abs(gain)}"
    en = f"{moved} orders changed crews and the price {'fell' if fell else 'rose'} by {abs(gain)}"
    best = max(saved, key=saved.__getitem__, default=None)
    if best is None or saved[best] <= 0:
        return zh + "。", en + "."
    term_zh, term_en = TERM_NAMES[best]
    return f"{zh},其中{term_zh} {saved[best]}。", f"{en}, by {saved[best]} in {term_en}."
