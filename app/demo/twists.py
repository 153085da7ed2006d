"""What goes differently than planned, and for whom: refused, held, returned, cancelled, ..."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from app.demo.faults import JOINT_FAULT, Fault

Twist = Literal[
    "normal",
    "refused_first",
    "held",
    "returned",
    "cancelled",
    "reassigned",
    "rework",
    "absent",
    "repeat_call",
]


@dataclass(frozen=True, slots=True)
class TwistPlan:
    """A twist and the words that people would type for it."""

    twist: Twist
    reason: str


def _household(fault: Fault) -> bool:
    return fault.service_class in ("H3", "H4")


def _not_dangerous(fault: Fault) -> bool:
    return fault.service_class != "E1"


def _heating_household(fault: Fault) -> bool:
    return fault.code.startswith("H") and fault.service_class == "H3"


_RULES: tuple[tuple[Twist, float, Callable[[Fault], bool], tuple[str, ...]], ...] = (
    ("held", 0.025, _household, ("缺配件，待仓库调拨", "需更换阀门，配件明日到货")),
    ("absent", 0.0125, _household, ("到场无人，电话联系客户改日再来",)),
    ("cancelled", 0.025, _household, ("客户来电说已经热了，不用来了", "客户自行处理好了")),
    ("returned", 0.025, _not_dangerous, ("属用户自装设备，不在维修范围", "属物业管辖，需转物业")),
    ("rework", 0.03, _heating_household, ("修后当天又不热了", "只热了一会儿，没有解决")),
    ("refused_first", 0.05, _not_dangerous, ("车辆故障，暂时无法前往", "手上工单未完成")),
    ("reassigned", 0.05, _not_dangerous, ("就近有空闲班组，改派", "原班组超时，改派")),
)
_ALWAYS_SHOWN_FROM = 40


def plan_twists(random: Random, faults: Sequence[Fault]) -> list[TwistPlan]:
    """A plan per order; under 9 % of the orders are meant not to end in a closed order.

    Days of 40 orders or more show every twist at least once. Danger and joint work go as planned
    (a technician may not refuse danger: DOMAIN 6).
    """
    plans = [TwistPlan("normal", "")] * len(faults)
    free = [n for n, fault in enumerate(faults) if fault is not JOINT_FAULT]
    random.shuffle(free)
    least = 1 if len(faults) >= _ALWAYS_SHOWN_FROM else 0
    for twist, share, fits, reasons in _RULES:
        wanted = max(least, int(share * len(faults) + 0.5))
        chosen = [n for n in free if fits(faults[n])][:wanted]
        for n in chosen:
            plans[n] = TwistPlan(twist, random.choice(reasons))
            free.remove(n)
    return plans
