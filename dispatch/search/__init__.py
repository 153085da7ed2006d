"""The compiled search: ruin and recreate over the whole model. Importing it loads numba."""

import dispatch.search.compiled  # noqa: F401 - first, since it keeps scipy away from numba
from dispatch.search.pair import search
from dispatch.search.run import Column, Found, run
from dispatch.search.warmth import is_warm, warm

__all__ = ["Column", "Found", "is_warm", "run", "search", "warm"]
