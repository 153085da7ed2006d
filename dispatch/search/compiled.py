"""Where compiled kernels are kept, and the decorators that make them.

numba's own cache does not notice that a callee in another file was edited, and compiles anew for a
copy of the sources elsewhere. Therefore the folder is named by a hash of every source in this
package, where it lies and since when, and of the versions that compile it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_hidden = "scipy" not in sys.modules
if _hidden:  # numba would load it for matrix products, which no kernel makes: half a second
    sys.modules["scipy"] = None  # type: ignore[assignment]
try:
    import numba
    import numba.np.arraymath  # looks for scipy when it is loaded, which the first kernel does
finally:
    if _hidden:
        del sys.modules["scipy"]

ENVIRONMENT = "PAIGONG_KERNELS"
"""Names the folder for compiled kernels; by default one in the user's cache folder."""


def kernel_folder() -> Path:
    """Return the folder of these very sources; it may not exist yet."""
    digest = hashlib.sha256(f"{sys.version} {numba.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{source.resolve()} {source.stat().st_mtime_ns}".encode())
        digest.update(source.read_bytes())
    given = os.environ.get(ENVIRONMENT)
    if given:
        root = Path(given)
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        root = Path(caches) / "paigong" / "kernels"
    return root / digest.hexdigest()[:16]


numba.config.CACHE_DIR = str(kernel_folder())  # type: ignore[attr-defined]


def kernel[**Args, T](function: Callable[Args, T]) -> Callable[Args, T]:
    """Compile on first call, or load what an earlier process compiled; called from Python."""
    return _compiled(function, inline=False)


def part[**Args, T](function: Callable[Args, T]) -> Callable[Args, T]:
    """A part of kernels, which becomes one with whatever calls it.

    A call would carry two hundred numbers that describe the arrays, and took longer than the work:
    a round takes half the time without.
    """
    return _compiled(function, inline=True)


def _compiled[**Args, T](function: Callable[Args, T], *, inline: bool) -> Callable[Args, T]:
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=inline)(
        function
    )
    return compiled  # type: ignore[no-any-return]
