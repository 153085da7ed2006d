"""`python -m tests.hostile [--short] [--out FILE]`: the shift, and whether seeded faults show."""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.hostile.house import House
from tests.hostile.phones import why_no_node
from tests.hostile.shift import Plan, Shift

FULL = Plan(jobs=300, crews=8, seed=1, longest_s=540)
SHORT = Plan(jobs=16, crews=3, seed=1, longest_s=60, apps_every_s=2.5, servers_every_s=7,
             servers=("api", "database"))  # fmt: skip


async def main(plan: Plan, keep: bool) -> dict[str, Any]:
    """Play the shift; its figures. `keep` leaves logs and phones in the temporary folder."""
    with tempfile.TemporaryDirectory(prefix="paigong-hostile-", delete=not keep) as folder:
        home = Path(folder)
        async with House(home / "house", plan.crews, "worker" in plan.servers) as house:
            shift = Shift(house, plan, home / "shift")
            await shift.play()
            return {"machine": _machine(), "seed": plan.seed, **shift.figures()}


def _machine() -> str:
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    reader = argparse.ArgumentParser()
    reader.add_argument("--short", action="store_true")
    reader.add_argument("--keep", action="store_true", help="leave logs and phones behind")
    reader.add_argument("--out", type=Path)
    told = reader.parse_args()
    if why := why_no_node():
        sys.exit(why)
    figures = asyncio.run(main(SHORT if told.short else FULL, told.keep))
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    if told.out:
        told.out.parent.mkdir(parents=True, exist_ok=True)
        told.out.write_text(text + "\n", "utf-8")
    print(text)
    sys.exit(0 if figures["finished"] else 1)
