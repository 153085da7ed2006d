"""The sentences people read beside a reason's code; Chinese first."""

from __future__ import annotations

from collections.abc import Mapping

from dispatch.plan import Reason

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "no_crew_on_shift": (
        "该时段没有可用的当班班组。",
        "No crew is on shift when this order could be done.",
    ),
    "only_forbidden_crews": (
        "所有班组都被禁止接此单。",
        "Every crew is barred from this order.",
    ),
    "no_skill": (
        "当班人员中无人持有有效的技能证书:{skills}。",
        "Nobody on shift holds a valid certificate for {skills}.",
    ),
    "crew_too_small": (
        "没有单个班组满足要求,最接近的是 {crew_id},尚缺:{missing}。可联合派工。",
        "No single crew is enough; the nearest, {crew_id}, lacks {missing}. Join crews.",
    ),
    "window_closed": (
        "最早有空的班组 {crew_id} 比预约时段结束晚 {short_min} 分钟。",
        "The first crew to be free, {crew_id}, is {short_min} min behind the end of the window.",
    ),
    "out_of_reach": (
        "即使只做此单,最近的班组 {crew_id} 也晚 {short_min} 分钟。",
        "Even with nothing else to do, the nearest crew {crew_id} is {short_min} min too late.",
    ),
    "no_road": (
        "具备条件的班组都没有道路可达。",
        "No road leads there for any crew that could do it.",
    ),
    "pinned_crew_cannot": (
        "指定班组 {crew_id} 无法承接({because})。",
        "The crew it is pinned to, {crew_id}, cannot do it ({because}).",
    ),
    "no_capacity": (
        "具备条件的班组已排满;最省的办法是班组 {crew_id},需放宽 {short_min} 分钟。",
        "Every crew that could do it is full; {crew_id} could if {short_min} min were given.",
    ),
    "not_worth_it": (
        "班组 {crew_id} 可以承接,但代价 {added_price_s} 高于不派的代价 {penalty_s}。",
        "{crew_id} could do it, at a price of {added_price_s} against {penalty_s} for leaving it.",
    ),
    "not_tried": (
        "班组 {crew_id} 可以承接,但计算时间用完前未试到,请重新排程。",
        "{crew_id} could do it, but the time ran out before that was tried: plan again.",
    ),
    "gave_way": (
        "已为更紧急的工单 {for_order} 让出班组 {crew_id} 的时段。",
        "It gave up its place with {crew_id} to the more urgent order {for_order}.",
    ),
}


def reason(code: str, **detail: object) -> Reason:
    """Return the reason with its sentences; values ending in `_s` also show as minutes."""
    zh, en = _SENTENCES[code]
    shown = {name: _shown(value) for name, value in detail.items()}
    short = detail.get("short_s")
    if isinstance(short, int):
        shown["short_min"] = str(-(-short // 60))
    return Reason(code=code, detail=detail, zh=zh.format(**shown), en=en.format(**shown))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} x{count}" for name, count in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
