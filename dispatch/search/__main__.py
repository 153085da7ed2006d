"""`python -m dispatch.search`: compile the kernels now, so that no request waits for it."""

import sys

from dispatch.search.warmth import is_warm, warm

if not is_warm():
    sys.stderr.write("paigong: compiling the planner's search, once per version (a minute)\n")
    warm()
