"""The collector of reference cycles kept off what a long fold reads."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """While it lasts the process collects only when `gc.collect` is called.

    Rows and documents hold no cycles, yet the collector walks through all of them time and again:
    a fifth of the time that checking pay takes. What lives already is set aside meanwhile; in a
    process that has settled (`core.memory`) it is what was set aside then, and stays so.
    """
    was_on, settled = gc.isenabled(), gc.get_freeze_count() > 0
    if not settled:
        gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if not settled:
            gc.unfreeze()
        if was_on:
            gc.enable()
