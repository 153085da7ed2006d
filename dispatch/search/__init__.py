"""The compiled search: ruin and recreate over the whole model. Importing it loads numba."""

from dispatch.search.run import Found, run

__all__ = ["Found", "run"]
