"""A room without its hooks or its router stops the start, instead of working without them."""

import subprocess
import sys

import pytest

LOST = """
import sys
sys.modules["{lost}"] = None
import {starting}
"""


@pytest.mark.parametrize(
    ("starting", "lost"),
    [
        ("app.wiring", "app.payouts.hooks"),
        ("app.wiring", "app.notifications.hooks"),
        ("app.main", "app.revisits.router"),
    ],
)
def test_nothing_starts_without_it(starting: str, lost: str) -> None:
    code = LOST.format(lost=lost, starting=starting)
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 1
    assert lost in answer.stderr.splitlines()[-1]
