"""Several `paigong` commands in one process: `python -m app.demo.commands '[["migrate"], ...]'`.

Starting Python anew for each of them would take most of the demo's set-up. The first that fails
ends the process with its exit status.
"""

import json
import runpy
import sys


def run_command(arguments: list[str]) -> int:
    """Run one command as the shell would; its exit status."""
    sys.argv = ["paigong", *arguments]
    try:
        runpy.run_module("app.cli", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def main(commands: list[list[str]]) -> int:
    """Run all of them in order; 0, or the exit status of the first that failed."""
    for arguments in commands:
        if status := run_command(arguments):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
