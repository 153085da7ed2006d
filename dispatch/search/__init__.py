"""The compiled search: ruin and recreate over the whole model. Importing it loads numba."""

from dispatch.search.run import Found, run
from dispatch.search.run import run as search

__all__ = ["Found", "run", "search"]
