"""Everything that proves the product. Compiled code is kept, so that each process starts quickly.

Where the environment forbids it (PYTHONDONTWRITEBYTECODE), every process that a test starts would
compile some 3000 modules anew, four seconds of work each time. Then it is kept in `var/bytecode`,
away from the sources.
"""

import os
import sys
from pathlib import Path

if sys.dont_write_bytecode:
    _KEPT = str(Path(__file__).parents[1] / "var" / "bytecode")
    sys.dont_write_bytecode, sys.pycache_prefix = False, _KEPT
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = _KEPT
