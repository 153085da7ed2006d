"""Service levels counted a second time: plain Python over lists of events.

It shares nothing with the service: neither code nor stored clocks. An event is a mapping with
`action`, `to_state`, `at` and `payload`; an order has `id`, `station_id`, `service_class`,
`domain`, `zone`, `profile_id`, `reported_at` and its `events`. Times are whole seconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

OVER = ("CLOSED", "CANCELLED", "MERGED")
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
    """Every run of every clock: clock, start, end (None while it goes on), by, gross and net."""
    for clock in (*WHILE, *FROM_TO):
        for first, last in _stretches(clock, events):
            start = events[first]["at"]
            end = None if last is None else max(start, events[last]["at"])
            lost = _lost(clock, start, events[first : None if last is None else last + 1], end, now)
            gross = max(0, whole((end or now) - start))
            yield {
                "clock": clock,
                "start": start,
                "end": end,
                "by": None if last is None else events[last]["action"],
                "gross": gross,
                "net": max(0, gross - lost),
            }


def _stretches(clock: str, events: Sequence[Mapping[str, Any]]) -> list[tuple[int, int | None]]:
    """(first event, last event) of each run, by number; a rejected completion ended none."""
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
        if clock in ("K5", "K6", "SAFE") and event["action"] == "rejected" and found:
            first, last = found[-1]
            if last is not None and events[last]["action"] == "completed":
                found.pop()
                begun = first
    return [*found, (begun, None)] if begun is not None else found


def _lost(
    clock: str,
    start: datetime,
    events: Sequence[Mapping[str, Any]],
    end: datetime | None,
    now: datetime,
) -> int:
    """Seconds since the start that the net time leaves out."""
    lost, since = 0, None

    def until(at: datetime) -> int:
        assert since is not None
        return max(0, whole(at - max(since, start + timedelta(seconds=lost))))

    for number, event in enumerate(events):
        effect = event["payload"].get("clocks", {}).get(clock)
        last = end is not None and number == len(events) - 1
        if last:
            break
        stands = (event["action"] == "held" and effect) or event["action"] == "completed"
        if stands and since is None and number:
            since = max(start, event["at"])
        elif event["action"] in ("resumed", "rejected") and since is not None:
            lost, since = lost + until(event["at"]), None
            if effect == "rebased":
                lost = max(lost, whole(event["at"] - start))
        base = event["payload"].get("base")
        if base and clock in ("K4", "K6"):
            lost = max(lost, whole(datetime.fromisoformat(base) - start))
    return lost + (until(end or now) if since is not None else 0)


def figures(
    orders: Iterable[Mapping[str, Any]],
    limits: Mapping[tuple[Any, ...], tuple[str, int]],
    now: datetime,
    zone: ZoneInfo,
) -> dict[tuple[str, ...], dict[str, Any]]:
    """(month, station, class, clock) -> every measure; `limits` by profile, class, domain, zone."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for order in orders:
        if order["events"][-1]["to_state"] == "DRAFT":
            continue
        month = order["reported_at"].astimezone(zone).strftime("%Y-%m-01")
        for run in runs(order["events"], now):
            by = (order["profile_id"], order["service_class"], order["domain"], order["zone"])
            kind, limit = limits.get((*by, run["clock"]), (None, None))
            run |= {"kind": kind, "limit": limit, "good": run["by"] in GOOD[run["clock"]]}
            place = (month, str(order["station_id"]), order["service_class"], run["clock"])
            groups[place].append(run)
    return {place: measured(found) for place, found in groups.items()}


def measured(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    good = [run for run in found if run["good"]]
    told: dict[str, Any] = {
        "n": len(good),
        "running": sum(run["end"] is None for run in found),
        "left_out": sum(
            run["end"] is not None
            and not run["good"]
            and (run["limit"] is None or run["gross"] <= run["limit"])
            for run in found
        ),
    }
    for time in ("net", "gross"):
        values = sorted(run[time] for run in good)
        told[f"mean_{time}"] = _mean(values)
        told[f"p50_{time}"] = values[(len(values) + 1) // 2 - 1] if values else None
        told[f"p90_{time}"] = values[(9 * len(values) + 9) // 10 - 1] if values else None
        limited = [run for run in found if run["limit"] is not None]
        told[f"late_{time}"] = sum(run[time] > run["limit"] for run in limited)
        told[f"within_{time}"] = sum(run["good"] and run[time] <= run["limit"] for run in limited)
    told["limits"] = sorted({(run["kind"], run["limit"]) for run in found if run["limit"]})
    return told


def _mean(values: Sequence[int]) -> int | None:
    """To the nearest second, a half upwards."""
    return (2 * sum(values) + len(values)) // (2 * len(values)) if values else None
