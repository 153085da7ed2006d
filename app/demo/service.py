"""Proof of service after the day: what reached whom, how far ladders climbed, how clocks were kept.

Read over HTTP as a manager would; the push server's own counts stand beside them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import httpx

from app.demo.client import Caller

Figures = dict[str, Any]
_PUSH = ("fcm", "jpush")


async def word_figures(manager: Caller, push_url: str, came: int) -> Figures:
    """`pushes`, `word` and `customers` of the report; `came`: pushes that the phones counted.

    `delivery_rate` is the share of accepted pushes of which the app itself said that they came;
    `really_delivered` is the same by what the phones got, told to nobody. `sent` and `lost` are
    the stand-in provider's own counts, of texts too.
    """
    async with httpx.AsyncClient(base_url=push_url) as push:
        counts = (await push.get("/counts")).json()
    summary = await manager.get("/notifications/summary")
    told = await manager.get("/notifications/delivery")
    channels = _by_channel(told["rows"])
    pushed = [each for name, each in channels.items() if name in _PUSH]
    accepted = _sum(pushed, "accepted")
    return {
        "pushes": {
            "sent": counts.get("accepted", 0),
            "lost": counts.get("lost", 0),
            "acknowledged": summary["acknowledged"],
            "delivery_rate": _share(_sum(pushed, "arrived"), accepted),
            "really_delivered": _share(min(came, accepted), accepted),
        },
        "word": {"channels": channels, **_ladders(told["ladders"])},
        "customers": {
            row["kind"]: {name: row[name] for name in ("messages", "sent", "failed", "moot")}
            for row in told["customers"]
        },
    }


def _by_channel(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Channel -> attempts, accepted, arrived, heard, by_itself, and their shares."""
    names = ("attempts", "accepted", "arrived", "heard", "by_itself")
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row["provider"]].update({name: row[name] for name in names})
    return {
        channel: {name: counted[name] for name in names}
        | {
            "accepted_share": _share(counted["accepted"], counted["attempts"]),
            "heard_share": _share(counted["heard"], counted["accepted"]),
        }
        for channel, counted in sorted(found.items())
    }


def _ladders(ladders: Iterable[Mapping[str, Any]]) -> Figures:
    """How alarms of all ladders ended, and how many took each step of each ladder."""
    ends: Counter[str] = Counter()
    climbs: dict[str, dict[str, int]] = {}
    for each in ladders:
        names = ("alarms", "heard", "moot", "climbed", "settled", "open", "red")
        ends.update({name: each[name] for name in names})
        climbs[each["name"]] = each["climbs"]
    return {**ends, "climbs": climbs}


async def service_level_figures(manager: Caller, day: date) -> Figures:
    """Clock -> n, mean, nine tenths and share within the limit, net and gross, of all classes."""
    told = await manager.get(
        "/service-levels",
        since=day.isoformat(),
        until=(day + timedelta(days=1)).isoformat(),
        grain="whole",
        group_by="period",
    )
    return {
        figure["clock"]: {"n": figure["n"]}
        | {
            time: {name: figure[time][name] for name in ("mean_s", "p90_s", "share", "late")}
            for time in ("net", "gross")
        }
        for figure in told["figures"]
    }


def _sum(rows: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
