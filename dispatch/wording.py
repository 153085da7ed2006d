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
        "具备条件{needs_zh}的班组已排满;最接近的是班组 {crew_id},需放宽 {short_min} 分钟。",
        "Every crew that could do it{needs_en} is full; the nearest, {crew_id}, could if "
        "{short_min} min were given.",
    ),
    "not_worth_it": (
        "班组 {crew_id} 可以承接,但代价 {added_price_s} 高于不派的代价 {penalty_s}。",
        "{crew_id} could do it, at a price of {added_price_s} against {penalty_s} for leaving it.",
    ),
    "not_tried": (
        "班组 {crew_id} 可以承接,但计算时间用完前未试到,请重新排程。",
        "{crew_id} could do it, but the time ran out before that was tried: plan again.",
    ),
    "crew_lacks": (
        "班组 {crew_id} 尚缺:{missing}。",
        "Crew {crew_id} lacks {missing}.",
    ),
    "crew_forbidden": (
        "班组 {crew_id} 被禁止接此单。",
        "Crew {crew_id} is barred from this order.",
    ),
    "pinned_elsewhere": (
        "此单已指定给班组 {crew_id}。",
        "The order is pinned to {crew_id}.",
    ),
    "accepted_elsewhere": (
        "班组 {crew_id} 已接单,不再改派。",
        "{crew_id} has accepted the order, so it does not move.",
    ),
    "moves_spent": (
        "班组 {crew_id} 本次可调出的工单数已用完({most_moves})。",
        "{crew_id} has already lost as many orders as one plan may take from it ({most_moves}).",
    ),
    "crew_full": (
        "班组 {crew_id} 已排满,没有可行的位置。",
        "Crew {crew_id} is full: no position in its route keeps every rule.",
    ),
    "crew_not_searched": (
        "班组 {crew_id} 已接近排满,未逐一核算所有位置。",
        "Crew {crew_id} is nearly full; not all its positions were timed.",
    ),
    "slot_full": (
        "该时段具备条件的班组已排满。",
        "Every crew that could do it is full in this slot.",
    ),
    "fix_window_later": (
        "若预约时段推迟 {by_min} 分钟结束,班组 {crew_id} 可承接,代价 {price_s}。",
        "It fits with {crew_id} if the window closes {by_min} min later, at a price of {price_s}.",
    ),
    "fix_window_earlier": (
        "若预约时段提前 {by_min} 分钟开始,班组 {crew_id} 可承接,代价 {price_s}。",
        "It fits with {crew_id} if the window opens {by_min} min earlier, at a price of {price_s}.",
    ),
    "fix_overtime": (
        "若班组 {crew_id} 再加班 {more_min} 分钟,即可承接,代价 {price_s}。",
        "It fits if {crew_id} works {more_min} min more overtime, at a price of {price_s}.",
    ),
    "fix_move_within": (
        "若班组 {crew_id} 的工单 {other} 改到当天其他时间,即可承接,代价 {price_s}。",
        "It fits with {crew_id} if order {other} moves within its day, at a price of {price_s}.",
    ),
    "fix_move_crew": (
        "若工单 {other} 由班组 {crew_id} 改派给 {to_crew},即可承接,代价 {price_s}。",
        "It fits with {crew_id} if order {other} moves to {to_crew}, at a price of {price_s}.",
    ),
    "fix_move_out": (
        "若班组 {crew_id} 的工单 {other} 改到明天,即可承接,代价 {price_s}。",
        "It fits with {crew_id} if order {other} moves to tomorrow, at a price of {price_s}.",
    ),
    "fix_release": (
        "若取消指定或禁止班组的限制,班组 {crew_id} 可承接,代价 {price_s}。",
        "It fits with {crew_id} if its pin or ban is lifted, at a price of {price_s}.",
    ),
    "fixes_cut_short": (
        "核算次数已用完,可能还有更省的办法。",
        "Not every change was priced for this order: there may be a smaller one.",
    ),
    "gave_way": (
        "已为更紧急的工单 {for_order} 让出班组 {crew_id} 的时段。",
        "It gave up its place with {crew_id} to the more urgent order {for_order}.",
    ),
}


def reason(code: str, **detail: object) -> Reason:
    """Return the reason with its sentences; values ending in `_s` also show as minutes.

    `needs` (skill -> holders) shows in brackets, and not at all when there are none.
    """
    zh, en = _SENTENCES[code]
    shown = {name: _shown(value) for name, value in detail.items()}
    for name, value in detail.items():
        if name.endswith("_s") and isinstance(value, int):
            shown[f"{name.removesuffix('_s')}_min"] = str(-(-value // 60))
    needs = _shown(detail.get("needs") or "")
    shown["needs_zh"] = f"({needs})" if needs else ""
    shown["needs_en"] = f" (it needs {needs})" if needs else ""
    return Reason(code=code, detail=detail, zh=zh.format(**shown), en=en.format(**shown))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} x{count}" for name, count in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
