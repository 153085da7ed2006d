"""`python -m tests.hostile [--short] [--out FILE]`: the shift, and whether seeded faults show."""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.hostile import handset
from tests.hostile.faults import REDDENS
from tests.hostile.house import House
from tests.hostile.nursery import Nursery
from tests.hostile.phones import be_node, why_no_node
from tests.hostile.serve import serving, work
from tests.hostile.shift import Plan, Shift

FULL = Plan(jobs=300, crews=5, seed=1, longest_s=500, apps_every_s=5, servers_every_s=30)
SHORT = Plan(
    jobs=5,
    crews=2,
    seed=1,
    longest_s=240,
    apps_every_s=2,
    servers_every_s=2,
    servers=("worker", "database", "api"),
    server_kills=3,
    taken_away_every=3,
    sign_in_s=8,
)
SMALL = Plan(jobs=4, crews=2, seed=2, longest_s=90, share=0.15, servers=(), taken_away_every=99)
"""Long enough for all to arrive without a fault; with one, phones ask for ever."""
SMALLEST = replace(SMALL, jobs=2, crews=1)
_LEAST_S = 10.0


async def main(
    nursery: Nursery, plan: Plan, small: Plan, faults: Sequence[str | None], keep: bool
) -> dict[str, Any]:
    """Play the shift, then a small one per seeded fault; the figures.

    `keep` leaves logs and phones in the temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="paigong-hostile-", delete=not keep) as folder:
        home = Path(folder)
        crews = plan.crews + small.crews * len(faults)
        with_worker = "worker" in plan.servers
        async with House(nursery, home / "house", crews, with_worker, plan.sign_in_s) as house:
            codes = house.roster.crews
            shift = Shift(house, plan, home / "shift", codes[: plan.crews])
            await shift.play()
            figures = {"machine": _machine(), "seed": plan.seed, **shift.figures()}
            left = codes[plan.crews :]
            figures["seeded_faults"] = await _faults(house, small, faults, home, left)
    return figures


async def _faults(
    house: House, small: Plan, faults: Sequence[str | None], home: Path, codes: list[str]
) -> dict[str, Any]:
    """A small shift per fault, None being no fault: nothing else may show.

    Whatever comes after None gets half as long again, so that time is no reason for red.
    """
    found: dict[str, Any] = {}
    longest_s = small.longest_s
    for number, fault in enumerate(faults):
        crews = codes[number * small.crews : (number + 1) * small.crews]
        await house.restart_with(fault)
        shift = Shift(house, replace(small, longest_s=longest_s), home / f"shift-{number}", crews)
        verdict = await shift.play()
        if fault is None:
            longest_s = max(_LEAST_S, 1.5 * shift.took_s)
        wrong = {name: count for name, count in verdict.figures().items() if count}
        red = bool(wrong) if fault is None else REDDENS[fault] in wrong
        found[fault or "none"] = {"red": red, "wrong": wrong, "took_s": round(shift.took_s, 1)}
    return found


def _passed(figures: dict[str, Any]) -> bool:
    """Whether nothing was lost, and each seeded fault would have been seen."""
    faults = figures.get("seeded_faults", {})
    seen = all(each["red"] == (name != "none") for name, each in faults.items())
    return figures["finished"] and not figures["examples"] and seen


def _machine() -> str:
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def _read_arguments() -> argparse.Namespace:
    reader = argparse.ArgumentParser()
    reader.add_argument("--short", action="store_true")
    reader.add_argument("--jobs", type=int, help="so many instead")
    reader.add_argument("--longest", type=float, metavar="S", help="seconds for the shift")
    reader.add_argument(
        "--fault",
        action="append",
        choices=[*sorted(REDDENS), "none"],
        help="seed this fault; `none` and all in the long run, one in the short when left out",
    )
    reader.add_argument("--keep", action="store_true", help="leave logs and phones behind")
    reader.add_argument("--out", type=Path)
    return reader.parse_args()


if __name__ == "__main__":
    told = _read_arguments()
    if why := why_no_node():
        sys.exit(why)
    nursery = Nursery({"api": serving(), "worker": work, "node": be_node, "python": handset.main})
    plan, small, usual = (
        (SHORT, SMALLEST, ["drop-last-chunk"]) if told.short else (FULL, SMALL, ["none", *REDDENS])
    )
    plan = replace(plan, jobs=told.jobs or plan.jobs, longest_s=told.longest or plan.longest_s)
    faults = [None if each == "none" else each for each in told.fault or usual]
    figures = asyncio.run(main(nursery, plan, small, faults, told.keep))
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    if told.out:
        told.out.parent.mkdir(parents=True, exist_ok=True)
        told.out.write_text(text + "\n", "utf-8")
    print(text)
    sys.exit(0 if _passed(figures) else 1)
