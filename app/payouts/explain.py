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
BANDS: Mapping[str, Text] = {
    "day": Text("平时", "ordinary hours"),
    "night": Text("夜间", "night"),
    "rest": Text("休息日", "rest day"),
    "holiday": Text("法定节假日", "public holiday"),
}
GRADES: Mapping[str, Text] = {
    "normal": Text("一般", "normal"),
    "hard": Text("较难", "hard"),
    "extreme": Text("极难", "extreme"),
}
ZONES: Mapping[str, Text] = {
    "urban": Text("城区", "urban"),
    "rural": Text("乡村", "rural"),
    "remote": Text("边远", "remote"),
}
CAUSES: Mapping[str, Text] = {
    "workmanship": Text("施工质量", "workmanship"),
    "part": Text("配件", "part"),
    "user": Text("用户原因", "user"),
    "network": Text("管网或电网", "network"),
    "new_fault": Text("新故障", "new fault"),
}


def plain(value: Decimal) -> str:
    """A decimal without exponent or needless zeros: `0.55`, `6`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def yuan(minor: int) -> str:
    """Fen as yuan with two decimals: 1650 is `16.50`, -5 is `-0.05`."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def named(names: Mapping[str, Text], code: str) -> Text:
    """A code's name in both languages; one that a company made up is its own name."""
    return names.get(code, Text(code, code))


class _Steps:
    """Two texts that grow together."""

    def __init__(self) -> None:
        self.zh: list[str] = []
        self.en: list[str] = []

    def add(self, zh: str, en: str) -> None:
        self.zh.append(zh)
        self.en.append(en)

    def text(self) -> Text:
        return Text("；".join(self.zh), "; ".join(self.en))


def explained(
    inputs: Mapping[str, Any], points: Decimal, amount_minor: int, *, with_rest: bool
) -> Text:
    """From the base to the result in both languages.

    `amount_minor` is not negative. With `with_rest` it reads that the remainder is theirs.
    """
    in_fen = inputs.get("unit") == "fen"
    zh_unit, en_unit = (" 元", " CNY") if in_fen else (" 分", " points")
    steps = _Steps()
    steps.add(f"基础 {inputs['base_points']}{zh_unit}", f"base {inputs['base_points']}{en_unit}")
    _factors(steps, inputs, zh_unit, en_unit)
    outcome, factor = OUTCOMES[inputs["outcome"]], inputs["outcome_factor"]
    if inputs.get("merged"):
        steps.add("已并入故障事件，不计件", "merged into an incident, so it pays nothing")
    worth = inputs["order_points"]
    steps.add(
        f"× 结果“{outcome.zh}”{factor} = {worth}{zh_unit}",
        f"x outcome '{outcome.en}' {factor} = {worth}{en_unit}",
    )
    _result(steps, inputs, points, amount_minor, with_rest=with_rest)
    steps.add(f"价目：{inputs['rate_card']}", f"rate card: {inputs['rate_card']}")
    _attribution(steps, inputs)
    return steps.text()


def _factors(steps: _Steps, inputs: Mapping[str, Any], zh_unit: str, en_unit: str) -> None:
    """Difficulty, time and distance, where the card has them."""
    if "difficulty" in inputs:
        grade, factor = named(GRADES, inputs["difficulty"]), inputs["difficulty_factor"]
        steps.add(f"× 难度“{grade.zh}”{factor}", f"x difficulty '{grade.en}' {factor}")
    if "time_band" in inputs:
        band, factor = BANDS[inputs["time_band"]], inputs["time_factor"]
        steps.add(f"× 时段“{band.zh}”{factor}", f"x time '{band.en}' {factor}")
    if "distance_points" in inputs:
        zone, worth = named(ZONES, str(inputs["zone"])), inputs["distance_points"]
        trip = inputs.get("same_trip_as")
        steps.add(
            f"+ 路程“{zone.zh}”{worth}{zh_unit}" + (f"（与 {trip} 同一趟）" if trip else ""),
            f"+ distance '{zone.en}' {worth}{en_unit}"
            + (f" (same trip as {trip})" if trip else ""),
        )


def _result(
    steps: _Steps,
    inputs: Mapping[str, Any],
    points: Decimal,
    amount_minor: int,
    *,
    with_rest: bool,
) -> None:
    in_fen = inputs.get("unit") == "fen"
    zh_rest, en_rest = ("（含余数）", " with the remainder") if with_rest else ("", "")
    share, rate, money = inputs["share"], yuan(inputs["point_minor"]), yuan(amount_minor)
    if inputs.get("barred"):
        steps.add(
            f"× 分成 {share}：返工由本人前次施工质量所致，不计件",
            f"x share {share}: made necessary by this person's own workmanship, so it pays nothing",
        )
    elif in_fen:
        steps.add(
            f"× 分成 {share} = {money} 元{zh_rest}", f"x share {share} = {money} CNY{en_rest}"
        )
    else:
        steps.add(
            f"× 分成 {share} = {points:f} 分{zh_rest}",
            f"x share {share} = {points:f} points{en_rest}",
        )
    if not in_fen and not inputs.get("barred"):
        steps.add(f"× {rate} 元/分 = {money} 元", f"x {rate} CNY per point = {money} CNY")


def _attribution(steps: _Steps, inputs: Mapping[str, Any]) -> None:
    cause = inputs.get("attribution")
    if cause == "pending":
        steps.add(
            "返工单，责任待定，暂按正常计件",
            "rework: its cause is not attributed yet, paid as usual until then",
        )
    elif cause is not None:
        steps.add(f"返工单，责任：{CAUSES[cause].zh}", f"rework: attributed to {CAUSES[cause].en}")
