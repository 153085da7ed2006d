"""What the service knows of the driving at the day's end, beside what was really driven."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from app.core import clock
from app.demo.accounting import Json
from app.demo.client import Caller
from app.demo.hidden_speeds import factor_error, hidden_speeds
from app.demo.many import some_at_once
from app.demo.pace import real_seconds, until
from app.demo.processes import Children
from app.demo.roads import free_by_bucket
from routing import CHINA_CITY, load_profile

_MATCHED_WITHIN = timedelta(minutes=17)
"""Phones may send for ten minutes, then the worker looks every five."""
_MOST_WAIT_S = 20.0


async def until_matched(driven: Json) -> None:
    """Give the service the time to match the last drive; at most 20 real seconds."""
    if not driven.get("ended_at"):
        return
    at = datetime.fromisoformat(driven["ended_at"]) + _MATCHED_WITHIN
    if at > clock.now() and real_seconds((at - clock.now()).total_seconds()) <= _MOST_WAIT_S:
        await until(at)
    elif at > clock.now():
        await asyncio.sleep(_MOST_WAIT_S)


async def drive_figures(manager: Caller, crews: Sequence[Json], day: date, driven: Json) -> Json:
    """Kilometres that the service found in the phones' positions, and the true ones."""
    told = await some_at_once(
        [crew["id"] for crew in crews],
        lambda key: manager.get(f"/crews/{key}/drives", day=day.isoformat()),
    )
    found_m = sum(each["metres"] for each in told)
    drives = [drive for each in told for drive in each["drives"]]
    kinds = Counter(drive["kind"] for drive in drives)
    sources = Counter(drive["source"] for drive in drives if drive["kind"] == "positions")
    true_m = driven.get("metres", 0)
    return {
        "matched_km": round(found_m / 1000, 1),
        "true_km": round(true_m / 1000, 1),
        "matched_share": round(found_m / true_m, 4) if true_m else None,
        "drives": kinds["positions"],
        "visits": kinds["visit"],
        "sources": dict(sorted(sources.items())),
        "true_drives": driven.get("drives", 0),
        "off_road": driven.get("off_road", 0),
    }


async def learning_figures(children: Children, maps_dir: Path, seed: int, driven: Json) -> Json:
    """Run `paigong learn-speeds`; how far its factors are from the hidden ones, and the prior's.

    Errors are means of |factor / hidden factor - 1| over the seconds driven.
    """
    status, _ = await children.attempt("learn-speeds", "app.cli", "learn-speeds")
    log = (children.folder / "learn-speeds.log").read_text(errors="replace")
    figures: dict[str, Any] = {"said": learning_said(log) or f"ended with status {status}"}
    true, free_s = hidden_speeds(seed), free_by_bucket(driven)
    figures["prior_error"] = _rounded(factor_error(CHINA_CITY, true, free_s))
    learnt = maps_dir / "speeds.toml"
    if learnt.is_file():
        figures["learnt_error"] = _rounded(factor_error(load_profile(learnt), true, free_s))
    return figures


def learning_said(log: str) -> str | None:
    """The sentence of `learn-speeds` in its log, which folds long lines; None when it has none."""
    found = re.findall(r"\d+ drives(?:,|:) .*", " ".join(log.split()))
    return found[-1] if found else None


def _rounded(error: float | None) -> float | None:
    return None if error is None else round(error, 4)
