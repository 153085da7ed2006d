"""What a started process no longer looks through for garbage."""

import gc

YOUNG = 20_000
"""New objects before a look; Python's own 700 looks several times in each request."""
_settled: list[bool] = []


def is_settled() -> bool:
    """Whether this process has settled what it imported."""
    return bool(_settled)


def settle() -> None:
    """Call when everything is imported: the collector leaves it alone from now on.

    Thousands of classes and routes stay for ever; walking them took a tenth of the API's time.
    """
    gc.collect()
    gc.freeze()
    _settled.append(True)
    gc.set_threshold(YOUNG, 20, 50)
