"""What a started process no longer looks through for garbage."""

import gc

YOUNG = 20_000
"""New objects before a look; Python's own 700 looks several times in each request."""


def settle() -> None:
    """Call when everything is imported: the collector leaves it alone from now on.

    Thousands of classes and routes stay for ever; walking them took a tenth of the API's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
