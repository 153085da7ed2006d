"""How a process lets others go first where the kernel shares its time by session.

There (Linux, `sched_autogroup`) a process is nice to those of its own session only: beside it the
database's processes have one share of a core, and so have those of the API.
"""

import logging
import os
import time
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)
AUTOGROUP = Path("/proc/self/autogroup")
NICEST: Final = 19
TRIES: Final = 100
"""So many processes may begin at once; the last of them waits ten seconds."""
REST_S: Final = 0.1
"""The kernel takes one such change in a tenth of a second, of all processes."""


def as_a_session(niceness: int, *, of_its_own: bool) -> None:
    """Let the process's session be nice, beside what the process itself is.

    With `of_its_own` it becomes a session first. Without, a session that somebody else leads (a
    shell's) stays as it is. Where the kernel refuses, a warning says so, and the process goes on.
    """
    for _ in range(TRIES):
        try:
            if not AUTOGROUP.exists():
                return
            if os.getsid(0) != os.getpid():
                if not of_its_own:
                    return
                os.setsid()
            AUTOGROUP.write_text(str(min(NICEST, niceness)))
        except BlockingIOError:  # it has just made another one nice
            time.sleep(REST_S)
        except OSError as refusal:
            log.warning("process %s does not give way as a session: %s", os.getpid(), refusal)
            return
        else:
            return
    log.warning("process %s does not give way as a session: the kernel is busy", os.getpid())
