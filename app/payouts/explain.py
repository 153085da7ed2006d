"""The steps of a pay line in words, made only of what the line stores."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.core.i18n import Text

OUTCOMES: Mapping[str, Text] = {
    "fixed": Text("已修复", "fixed"),
    "fixed_by_phone": Text("门口电话解决", "fixed by phone at the door"),
    "no_fault_found": Text("未发现故障", "no fault found"),
    "absent": Text("用户不在", "customer absent"),
    "refused": Text("用户拒绝", "customer refused"),
    "wrong_dispatch": Text("派单错误", "wrong dispatch"),
    "handed_over": Text("移交未完", "handed over part-done"),
}


def plain(value: Decimal) -> str:
    """A decimal without exponent or needless zeros: `0.55`, `6`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def yuan(minor: int) -> str:
    """Fen as yuan with two decimals: 1650 is `16.50`."""
    return f"{minor // 100}.{minor % 100:02d}"


def explained(
    inputs: Mapping[str, Any],
    points: Decimal,
    amount_minor: int,
    *,
    is_leader: bool,
    alone: bool,
) -> Text:
    """Base, outcome, share, rate and result in both languages.

    `amount_minor` is not negative. The leader of several reads that the remainder is theirs.
    """
    outcome = OUTCOMES[inputs["outcome"]]
    rest = is_leader and not alone
    zh = [
        f"基础 {inputs['base_points']} 分",
        f"× 结果“{outcome.zh}”{inputs['outcome_factor']} = {inputs['order_points']} 分",
        f"× 分成 {inputs['share']} = {points:f} 分{'（含余数）' if rest else ''}",
        f"× {yuan(inputs['point_minor'])} 元/分 = {yuan(amount_minor)} 元",
        f"价目：{inputs['rate_card']}",
    ]
    en = [
        f"base {inputs['base_points']} points",
        f"x outcome '{outcome.en}' {inputs['outcome_factor']} = {inputs['order_points']} points",
        f"x share {inputs['share']} = {points:f} points{' with the remainder' if rest else ''}",
        f"x {yuan(inputs['point_minor'])} CNY per point = {yuan(amount_minor)} CNY",
        f"rate card: {inputs['rate_card']}",
    ]
    if inputs.get("attribution") == "pending":
        zh.append("返工单，责任待定，暂按正常计件")
        en.append("rework: its cause is not attributed yet, paid as usual until then")
    return Text("；".join(zh), "; ".join(en))
