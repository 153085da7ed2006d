"""The stream of calls of one day, each with what is meant to happen to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import Literal

from app.demo.draw import apportion
from app.demo.faults import FAULTS, JOINT_FAULT, Fault
from app.demo.people import Customer
from app.demo.readings import Reading, measured
from app.demo.twists import Twist, TwistPlan, plan_twists

_LAST_CALL_SHARE = 0.85
_SPREAD = 0.3
_SMALLEST_JOINT_DAY = 10
_REPEAT_SHARE = 0.04
_ARRIVALS = ((0.0, 0.9), (1.0, 1.4), (1.75, 1.3), (3.0, 0.9), (24.0, 0.7))
"""Hours after 07:00 and how thick calls come: the morning peak is at eight."""


@dataclass(frozen=True, slots=True)
class Slot:
    """An agreed appointment, in seconds after opening."""

    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call at the call centre and the truth behind it, which the service does not know."""

    number: int
    offset_s: int
    customer_no: str
    caller_name: str
    caller_phone: str
    building_id: str
    unit: str
    room: str
    fault_code: str
    description: str
    flags: tuple[Literal["vulnerable", "key_customer"], ...]
    slot: Slot | None
    """Only for service class H4."""
    twist: Twist
    twist_reason: str
    """Why it is refused, held, ...: Chinese, as people would type it; empty when normal."""
    repeats: int | None
    """For `repeat_call`: the number of the call that is still open at the same premises."""
    crews_needed: int
    work_s: int
    """True time from start to done on site."""
    readings: tuple[Reading, ...]
    cause_code: str
    rating: int
    """1-5, given at the call-back; 1-2 when the work is not solved."""
    solved: bool
    reached: bool
    """Whether the call-back gets through."""


def make_calls(random: Random, callers: Sequence[Customer], hours: float) -> tuple[Call, ...]:
    """One order per caller, in order of time, plus a few repeat calls on top.

    The fault mix follows the shares of `faults.FAULTS` exactly, work varies lognormally around the
    catalogue's minutes and is scaled to their mean, and one order needs a joint crew.
    """
    count = len(callers)
    faults = _faults(random, count)
    offsets = _offsets(random, count, hours)
    work = _work_s(random, faults)
    twists = plan_twists(random, faults)
    calls = [
        _call(random, callers[n], faults[n], (offsets[n], work[n]), twists[n], hours)
        for n in range(count)
    ]
    return _numbered(calls, _repeats(random, calls))


def _faults(random: Random, count: int) -> list[Fault]:
    """The day's faults in order of call; the joint order comes a quarter into it."""
    joint = 1 if count >= _SMALLEST_JOINT_DAY else 0
    counts = apportion(count - joint, [fault.share for fault in FAULTS])
    faults = [fault for fault, n in zip(FAULTS, counts, strict=True) for _ in range(n)]
    random.shuffle(faults)
    if joint:
        faults.insert(count // 4, JOINT_FAULT)
    return faults


def _offsets(random: Random, count: int, hours: float) -> list[int]:
    """Seconds after opening, rising: spread evenly over the morning's shape, last at 85 %."""
    end = hours * _LAST_CALL_SHARE
    grid = [end * step / 1000 for step in range(1001)]
    passed = [0.0]
    for low, high in pairwise(grid):
        passed.append(passed[-1] + (_density(low) + _density(high)) / 2)
    offsets, step = [], 1
    for n in range(count):
        mark = passed[-1] * (n + random.random()) / count
        while passed[step] < mark:
            step += 1
        within = (mark - passed[step - 1]) / (passed[step] - passed[step - 1])
        offsets.append(round(3600 * (grid[step - 1] + within * end / 1000)))
    return offsets


def _density(hour: float) -> float:
    for (low, thin), (high, thick) in pairwise(_ARRIVALS):
        if hour <= high:
            return thin + (thick - thin) * (hour - low) / (high - low)
    return _ARRIVALS[-1][1]


def _work_s(random: Random, faults: list[Fault]) -> list[int]:
    """True seconds per order; their crew-minutes add up to the catalogue's."""
    raw = [fault.minutes * random.lognormvariate(0.0, _SPREAD) for fault in faults]
    pairs = list(zip(faults, raw, strict=True))
    planned = sum(fault.minutes * fault.crews_needed for fault in faults)
    scale = planned / math.fsum(fault.crews_needed * minutes for fault, minutes in pairs)
    return [max(300, round(60 * scale * minutes)) for minutes in raw]


def _call(
    random: Random,
    caller: Customer,
    fault: Fault,
    times: tuple[int, int],
    twist: TwistPlan,
    hours: float,
) -> Call:
    offset_s, work_s = times
    flags: tuple[Literal["vulnerable", "key_customer"], ...] = tuple(
        flag for flag in caller.flags if flag == "vulnerable" or flag == "key_customer"
    )
    return Call(
        number=0,
        offset_s=offset_s,
        customer_no=caller.customer_no,
        caller_name=caller.name,
        caller_phone=caller.phone,
        building_id=caller.building_id,
        unit=caller.unit,
        room=caller.room,
        fault_code=fault.code,
        description=random.choice(fault.descriptions),
        flags=flags,
        slot=_slot(random, offset_s, hours) if fault.service_class == "H4" else None,
        twist=twist.twist,
        twist_reason=twist.reason,
        repeats=None,
        crews_needed=fault.crews_needed,
        work_s=work_s,
        readings=measured(random, fault.evidence),
        cause_code=random.choice(fault.causes),
        rating=_rating(random, solved=twist.twist != "rework"),
        solved=twist.twist != "rework",
        reached=random.random() < 0.92,
    )


def _slot(random: Random, offset_s: int, hours: float) -> Slot:
    """One hour on a half-hour mark, 30 to 120 min after the call and inside the day."""
    earliest = offset_s + random.choice((1800, 3600, 5400, 7200))
    start_s = max(math.ceil((offset_s + 1800) / 1800), min(
        math.ceil(earliest / 1800), math.floor((hours * 3600 - 3600) / 1800)
    )) * 1800  # fmt: skip
    return Slot(start_s, start_s + 3600)


def _rating(random: Random, *, solved: bool) -> int:
    return random.choices((5, 4, 3), (70, 23, 7))[0] if solved else random.choice((1, 2))


def _repeats(random: Random, calls: list[Call]) -> list[tuple[int, Call]]:
    """Impatient second calls, 5-12 min after the first: (index of the first, the second)."""
    wanted = max(1, round(_REPEAT_SHARE * len(calls)))
    long = [n for n, call in enumerate(calls) if call.twist == "normal" and call.work_s > 1800]
    chosen = sorted(random.sample(long, min(wanted, len(long))))
    return [
        (
            n,
            replace(
                calls[n],
                offset_s=calls[n].offset_s + random.randint(300, 720),
                description=f"再次来电催问：{calls[n].description}",
                twist="repeat_call",
                twist_reason="同一地址同类故障未处理完",
            ),
        )
        for n in chosen
    ]


def _numbered(calls: list[Call], repeats: list[tuple[int, Call]]) -> tuple[Call, ...]:
    """Orders and repeats by time, numbered from 1; a repeat names the number of its first call."""
    entries = [(call.offset_s, 0, n, call) for n, call in enumerate(calls)]
    entries += [(call.offset_s, 1, n, call) for n, call in repeats]
    entries.sort(key=lambda entry: entry[:3])
    first = {n: number for number, (_, kind, n, _) in enumerate(entries, 1) if kind == 0}
    return tuple(
        replace(call, number=number, repeats=first[n] if kind else None)
        for number, (_, kind, n, call) in enumerate(entries, 1)
    )
