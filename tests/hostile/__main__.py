"""`python -m tests.hostile [--short] [--out FILE]`: the shift, and whether seeded faults show."""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.hostile.faults import REDDENS
from tests.hostile.house import House
from tests.hostile.phones import why_no_node
from tests.hostile.shift import Plan, Shift

FULL = Plan(jobs=300, crews=5, seed=1, longest_s=420, servers_every_s=45)
SHORT = Plan(
    jobs=8,
    crews=2,
    seed=1,
    longest_s=240,
    servers_every_s=3,
    servers=("database", "api"),
    server_kills=2,
    taken_away_every=4,
)
SMALL = Plan(jobs=4, crews=2, seed=2, longest_s=30, share=0.15, servers=(), taken_away_every=99)
"""Long enough for all to arrive without a fault; with one, phones ask for ever."""


async def main(plan: Plan, keep: bool, faults: bool) -> dict[str, Any]:
    """Play the shift, then a small one per seeded fault; the figures.

    `keep` leaves logs and phones in the temporary folder.
    """
    with tempfile.TemporaryDirectory(prefix="paigong-hostile-", delete=not keep) as folder:
        home = Path(folder)
        crews = plan.crews + (SMALL.crews * (1 + len(REDDENS)) if faults else 0)
        async with House(home / "house", crews, "worker" in plan.servers) as house:
            codes = house.roster.crews
            shift = Shift(house, plan, home / "shift", codes[: plan.crews])
            await shift.play()
            figures = {"machine": _machine(), "seed": plan.seed, **shift.figures()}
            if faults:
                figures["seeded_faults"] = await _faults(house, home, codes[plan.crews :])
    return figures


async def _faults(house: House, home: Path, codes: list[str]) -> dict[str, Any]:
    """A small shift per fault, and one without any: only the faults may show."""
    found: dict[str, Any] = {}
    for number, fault in enumerate([None, *REDDENS]):
        crews = codes[number * SMALL.crews : (number + 1) * SMALL.crews]
        await house.restart_with(fault)
        shift = Shift(house, SMALL, home / f"shift-{number}", crews)
        verdict = await shift.play()
        wrong = {name: count for name, count in verdict.figures().items() if count}
        red = not verdict.is_clean() if fault is None else REDDENS[fault] in wrong
        found[fault or "none"] = {"red": red, "wrong": wrong, "finished": shift.finished}
    return found


def _passed(figures: dict[str, Any]) -> bool:
    """Whether nothing was lost, and each seeded fault would have been seen."""
    faults = figures.get("seeded_faults", {})
    seen = all(each["red"] == (name != "none") for name, each in faults.items())
    return figures["finished"] and not figures["examples"] and seen


def _machine() -> str:
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    reader = argparse.ArgumentParser()
    reader.add_argument("--short", action="store_true")
    reader.add_argument("--longest", type=float, metavar="S", help="seconds for the shift")
    reader.add_argument("--no-faults", action="store_true", help="leave the seeded faults out")
    reader.add_argument("--keep", action="store_true", help="leave logs and phones behind")
    reader.add_argument("--out", type=Path)
    told = reader.parse_args()
    if why := why_no_node():
        sys.exit(why)
    plan = SHORT if told.short else FULL
    plan = replace(plan, longest_s=told.longest or plan.longest_s)
    figures = asyncio.run(main(plan, told.keep, not told.no_faults))
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    if told.out:
        told.out.parent.mkdir(parents=True, exist_ok=True)
        told.out.write_text(text + "\n", "utf-8")
    print(text)
    sys.exit(0 if _passed(figures) else 1)
