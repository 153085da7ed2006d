"""`paigong demo`: one winter morning through the real HTTP API, from the call to the pay."""

import asyncio
import contextlib

from rich.console import Console

from app.demo.day import Day
from app.demo.options import DemoOptions
from app.demo.processes import ProcessFailed
from app.provision import CannotProvision

_WIDTH = 140
"""Columns of output that goes to a file."""

__all__ = ["DemoOptions", "run_demo"]


def run_demo(options: DemoOptions) -> int:
    """Play the day of `options`.

    Returns 0 when every threshold held (and, after a sabotage, `verify` found it), 1 when one was
    missed or a process failed, 2 for options that cannot be played.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    if why := options.refusal():
        console.print(f"paigong demo: {why}", markup=False)
        return 2
    try:
        return asyncio.run(Day(options, console).play())
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except (CannotProvision, ProcessFailed, ValueError) as refusal:
        console.print(f"paigong demo: {refusal}", markup=False)
    except BaseExceptionGroup as group:
        with contextlib.suppress(BaseExceptionGroup):
            console.print(f"paigong demo: {_first(group)}", markup=False)
        if group.subgroup((CannotProvision, ProcessFailed)) is None:
            raise
    return 1


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception inside nested groups."""
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
