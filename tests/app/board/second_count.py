"""Service levels counted a second time: plain Python over lists of events.

It shares nothing with the service: neither code nor stored clocks. An event is a mapping with
`action`, `to_state`, `at` and `payload`; an order has `id`, `station_id`, `service_class`,
`domain`, `zone`, `profile_id`, `reported_at`, `appointment_from` and `appointment_to`, and its
`events`. Times are whole seconds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Rests = Callable[[date], bool]
OVER = ("CLOSED", "CANCELLED", "MERGED")
UNDONE = {
    "rejected": ("completed", ("K5", "K6", "SAFE")),
    "split": ("merged", ("K4", "K5", "K6", "SAFE")),
}
"""What ended a run and is undone by the action, and for which clocks."""
WHILE = {"K1": ("NEW", "RETURNED"), "K2": ("SENT",), "K7": ("DONE",), "K8": ("REVISIT",)}
FROM_TO = {
    "K3": (["accepted"], ["contacted", "arrived", "transferred", "returned", "held"]),
    "K4": (["submitted"], ["arrived"]),
    "K5": (["arrived"], ["restored", "completed"]),
    "K6": (["submitted"], ["completed"]),
    "SAFE": (["submitted"], ["made_safe", "completed"]),
}
GOOD = {
    "K1": {"sent"},
    "K2": {"accepted"},
    "K3": {"contacted", "arrived"},
    "K4": {"arrived"},
    "K5": {"restored", "completed"},
    "K6": {"completed", "solved_by_phone"},
    "K7": {"passed", "rejected"},
    "K8": {"closed", "reworked"},
    "SAFE": {"made_safe", "completed"},
}


def whole(length: timedelta) -> int:
    return round(length.total_seconds())


def runs(events: Sequence[Mapping[str, Any]], now: datetime) -> Iterator[dict[str, Any]]:
    """Every run of every clock: clock, start, end (None while it goes on), by, gross and net.

    `base` is where the net time begins, `stood` where it ended or stands still.
    """
    for clock in (*WHILE, *FROM_TO):
        for first, last in _stretches(clock, events):
            start = events[first]["at"]
            end = None if last is None else max(start, events[last]["at"])
            of_run = events[first : None if last is None else last + 1]
            lost, since = _lost(clock, start, of_run, end)
            base, until = start + timedelta(seconds=lost), end or now
            open_s = 0 if since is None else max(0, whole(until - max(since, base)))
            gross = max(0, whole(until - start))
            yield {
                "clock": clock,
                "start": start,
                "end": end,
                "by": None if last is None else events[last]["action"],
                "gross": gross,
                "net": max(0, gross - lost - open_s),
                "base": base,
                "stood": since or until,
            }


def _stretches(clock: str, events: Sequence[Mapping[str, Any]]) -> list[tuple[int, int | None]]:
    """(first event, last event) of each run, by number; what was undone ended none."""
    found: list[tuple[int, int | None]] = []
    begun: int | None = None
    for number, event in enumerate(events):
        over = event["to_state"] in OVER
        if clock in WHILE:
            ends = over or event["to_state"] not in WHILE[clock] or event["action"] == "resent"
            begins = not over and event["to_state"] in WHILE[clock]
        else:
            ends = over or event["action"] in FROM_TO[clock][1]
            begins = not over and event["action"] in FROM_TO[clock][0]
        if begun is not None and ends:
            found.append((begun, number))
            begun = None
        if begun is None and begins and not (clock == "K5" and found):
            begun = number
        if found and clock in UNDONE.get(event["action"], ("", ()))[1]:
            first, last = found[-1]
            if last is not None and events[last]["action"] == UNDONE[event["action"]][0]:
                found.pop()
                begun = first
    return [*found, (begun, None)] if begun is not None else found


def _lost(
    clock: str, start: datetime, events: Sequence[Mapping[str, Any]], end: datetime | None
) -> tuple[int, datetime | None]:
    """(seconds since the start that the net time leaves out, since when it stands still)."""
    lost, since = _from_base(clock, events[0], start, 0), None
    for event in events[1 : len(events) - (end is not None)]:
        effect = event["payload"].get("clocks", {}).get(clock)
        stands = (event["action"] == "held" and effect) or event["action"] == "completed"
        if stands and since is None:
            since = max(start, event["at"])
        elif event["action"] in ("resumed", "rejected") and since is not None:
            stood_from = max(since, start + timedelta(seconds=lost))
            lost, since = lost + max(0, whole(event["at"] - stood_from)), None
            if effect == "rebased":
                lost = max(lost, whole(event["at"] - start))
        lost = _from_base(clock, event, start, lost)
    return lost, since


def _from_base(clock: str, event: Mapping[str, Any], start: datetime, lost: int) -> int:
    base = event["payload"].get("base")
    if not base or clock not in ("K4", "K6"):
        return lost
    return max(lost, whole(datetime.fromisoformat(base) - start))


def idle(begins: datetime, ends: datetime, zone: ZoneInfo, rests: Rests) -> int:
    """Seconds of days off between two instants."""
    total, at = timedelta(), begins
    while at < ends:
        day = at.astimezone(zone).date()
        next_day = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        if rests(day):
            total += min(ends, next_day) - at
        at = next_day
    return whole(total)


def figures(
    orders: Iterable[Mapping[str, Any]],
    limits: Mapping[tuple[Any, ...], tuple[str, int, str]],
    now: datetime,
    zone: ZoneInfo,
    rests: Rests,
) -> dict[tuple[str, ...], dict[str, Any]]:
    """(month, station, class, clock) -> every measure.

    `limits` by profile, class, domain, zone and clock: kind, seconds, calendar; `rests` tells the
    days that limits in working days leave out.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for order in orders:
        if order["events"][-1]["to_state"] == "DRAFT":
            continue
        month = order["reported_at"].astimezone(zone).strftime("%Y-%m-01")
        for run in runs(order["events"], now):
            _judge(run, order, limits, now, lambda a, b: idle(a, b, zone, rests))
            place = (month, str(order["station_id"]), order["service_class"], run["clock"])
            groups[place].append(run)
    return {place: measured(found) for place, found in groups.items()}


def _judge(
    run: dict[str, Any],
    order: Mapping[str, Any],
    limits: Mapping[tuple[Any, ...], tuple[str, int, str]],
    now: datetime,
    off: Callable[[datetime, datetime], int],
) -> None:
    """Adds kind, limit, and whether it is good, and late in either time."""
    by = (order["profile_id"], order["service_class"], order["domain"], order["zone"])
    kind, limit, calendar = limits.get((*by, run["clock"]), (None, None, "always"))
    used, early = run["gross"], False
    if calendar == "working_days":
        used -= off(run["start"], run["end"] or now)
        run["net"] = max(0, run["net"] - off(run["base"], run["stood"]))
    slot, around = order.get("appointment_from"), limits.get((*by, "SLOT"))
    if limit is None and run["clock"] == "K4" and slot is not None and around is not None:
        kind, tolerance, _ = around
        wished = run["base"] > run["start"]
        begins = max(slot, run["start"]) if wished else run["start"]
        limit = max(0, whole(order["appointment_to"] - begins)) + tolerance
        used = run["net"]
        early = run["end"] is not None and run["end"] < slot - timedelta(seconds=tolerance)
    good = run["by"] in GOOD[run["clock"]]
    run |= {"kind": kind, "limit": limit, "good": good}
    run["late_net"] = limit is not None and (run["net"] > limit or (good and early))
    run["late_gross"] = limit is not None and (used > limit or (good and early))


def measured(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    good = [run for run in found if run["good"]]
    told: dict[str, Any] = {
        "n": len(good),
        "running": sum(run["end"] is None for run in found),
        "left_out": sum(
            run["end"] is not None and not run["good"] and not run["late_gross"] for run in found
        ),
    }
    for sort in ("net", "gross"):
        values = sorted(run[sort] for run in good)
        told[f"mean_{sort}"] = _mean(values)
        told[f"p50_{sort}"] = values[(len(values) + 1) // 2 - 1] if values else None
        told[f"p90_{sort}"] = values[(9 * len(values) + 9) // 10 - 1] if values else None
        limited = [run for run in found if run["limit"] is not None]
        told[f"late_{sort}"] = sum(run[f"late_{sort}"] for run in limited)
        told[f"within_{sort}"] = sum(run["good"] and not run[f"late_{sort}"] for run in limited)
    told["limits"] = sorted({(run["kind"], run["limit"]) for run in found if run["kind"]})
    return told


def _mean(values: Sequence[int]) -> int | None:
    """To the nearest second, a half upwards."""
    return (2 * sum(values) + len(values)) // (2 * len(values)) if values else None
