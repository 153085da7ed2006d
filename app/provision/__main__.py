"""``python3 -m app.provision``: the commands behind the Makefile."""

from __future__ import annotations

import argparse
import sys

from app.provision.databases import ensure_database
from app.provision.refusal import CannotProvision, say


def main() -> int:
    p = argparse.ArgumentParser()
    s = p.add_subparsers(dest="command", required=True)
    d = s.add_parser("database")
    d.add_argument("name")
    d.add_argument("--throwaway", action="store_true")
    a = p.parse_args()
    sys.stdout.write(ensure_database(a.name, throwaway=a.throwaway) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotProvision as refusal:
        say(str(refusal))
        sys.exit(1)
