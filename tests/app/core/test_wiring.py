"""A room without its hooks or its router stops the start, instead of working without them."""

import runpy
import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("starting", "lost"),
    [
        ("app.wiring", "app.payouts.hooks"),
        ("app.wiring", "app.notifications.hooks"),
        ("app.main", "app.revisits.router"),
    ],
)
def test_nothing_starts_without_it(
    starting: str, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = import_module(starting).__file__
    assert source is not None
    room, _, module = lost.rpartition(".")
    monkeypatch.delattr(import_module(room), module)
    monkeypatch.setitem(sys.modules, lost, None)
    with pytest.raises(ModuleNotFoundError, match=lost):
        runpy.run_path(source)
