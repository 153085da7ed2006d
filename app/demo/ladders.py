"""The demo company's own ladders: the shipped ones, with the machine's time added to each step.

Business time runs up to sixty times as fast, but networks, queues and two shared cores do not: the
half second until a phone has its push would be half a minute of an alarm, and people who answer at
once would be red on the dispatcher's list.
"""

import json
import tomllib
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

_MACHINE_S = 1.5
"""Real seconds that a message, its answer and the queue between may take here, per step."""


def write_ladders(file: Path, opens_at: datetime, rate: float) -> Path:
    """Write them as a company would, in force from the day before; the file."""
    shipped = resources.files("app.notifications").joinpath("data", "ladders.toml")
    told = tomllib.loads(shipped.read_text("utf-8"))
    lines = [
        f"effective_from = {(opens_at - timedelta(days=1)).isoformat()}",
        f'source = "demo: shipped, {_MACHINE_S} real seconds more per step at rate {rate:g}"',
        f"quiet = {{ from = {json.dumps(told['quiet']['from'])},"
        f" until = {json.dumps(told['quiet']['until'])} }}",
    ]
    for name, ladder in told["ladders"].items():
        lines += [f"[ladders.{name}]", *_lines(ladder, (rate - 1) * _MACHINE_S)]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def _lines(ladder: dict[str, Any], more_s: float) -> list[str]:
    steps = [
        f"{{ after_s = {step['after_s'] + round(number * more_s)},"
        f" acts = {json.dumps(step['acts'])} }}"
        for number, step in enumerate(ladder["steps"])
    ]
    others = [f"{name} = {json.dumps(told)}" for name, told in ladder.items() if name != "steps"]
    return [*others, f"steps = [{', '.join(steps)}]"]
