"""Compiling ahead: every kernel has one signature, so one small search compiles them all."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from dispatch.budget import Budget
from dispatch.model import Break, Crew, Order
from dispatch.problem import Problem
from dispatch.search.compiled import kernel_folder
from dispatch.search.run import run

MARK = "complete"
"""A file beside the kernels that says that all of them are there."""


UNUSED_S = 30 * 86_400.0
"""Kernels that were not loaded for this long are removed."""
_loaded: list[bool] = []


def is_warm() -> bool:
    """Whether these very sources have been compiled into the kernels' folder."""
    return (kernel_folder() / MARK).is_file()


def warm() -> None:
    """Load every kernel, compiling what is not in the folder yet; once per process."""
    if not _loaded:
        _load()
        _loaded.append(True)


def _load() -> None:
    run(_rehearsal(), None, Budget(seconds=60, iterations=20))
    mark = kernel_folder() / MARK
    if mark.parent.is_dir():
        mark.touch()
        remove_unused(mark)


def remove_unused(newest: Path) -> None:
    """Remove kernels whose mark is much older than this one: nobody has loaded them for long."""
    limit = newest.stat().st_mtime - UNUSED_S
    for mark in newest.parent.parent.glob(f"*/{MARK}"):
        if mark.stat().st_mtime < limit:
            shutil.rmtree(mark.parent, ignore_errors=True)


def _rehearsal() -> Problem:
    places = np.arange(6, dtype=np.int32)
    rest = Break(earliest_s=1200, latest_s=2400, duration_s=300)
    return Problem(
        orders=tuple(
            Order(
                id=f"o{place}", place=place, service_s=300, priority_penalty=9000,
                due_s=900, late_per_mille=100,
            )
            for place in range(1, 6)
        ),
        crews=tuple(
            Crew(id=f"c{number}", start_place=0, shift=(0, 3600), breaks=(rest,) * number)
            for number in range(2)
        ),
        travel=np.abs(places[:, None] - places[None, :]) * np.int32(120),
    )  # fmt: skip
