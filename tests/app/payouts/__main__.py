"""`python -m tests.app.payouts [URL]`: the second evaluator on the database of a `make demo`.

It tells every line of pay from the events and decisions, and says where the ledger says otherwise;
the exit status is 1 then, or when there is no line to tell.
"""

import sys
from datetime import date

from app.demo.database import NAME
from app.provision import ensure_database
from tests.app.payouts.tables import compare


def demo_day(day: str) -> str:
    """The demo's own calendar, as it writes it down itself: New Year's Day, and weekends."""
    at = date.fromisoformat(day)
    if (at.month, at.day) == (1, 1):
        return "holiday"
    return "rest" if at.isoweekday() > 5 else "workday"


def main() -> int:
    url = sys.argv[1] if len(sys.argv) > 1 else ensure_database(NAME)
    found = compare(url, days=demo_day)
    for who, lines in (("stored", found.only_stored), ("evaluated", found.only_evaluated)):
        for line in lines:
            print(f"only {who}: {line}")
    print(f"{found.entries} entries, {found.equal} equal: {found.share:.2%}")
    return 0 if found.entries and found.share == 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
