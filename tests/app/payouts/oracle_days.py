"""The second evaluator's own calendar of 2026, up to May."""

from datetime import date, timedelta

# The announced days off of 2026: those of a holiday, those exchanged for a worked weekend, and the
# weekends worked for them.
OF_HOLIDAYS = {
    *("2026-01-01", "2026-01-03", "2026-02-15", "2026-02-16", "2026-02-17", "2026-02-18"),
    *("2026-02-19", "2026-02-21", "2026-02-22", "2026-04-04", "2026-04-05", "2026-04-06"),
    *("2026-05-01", "2026-05-02", "2026-05-03", "2026-05-04"),
}
EXCHANGED = {"2026-01-02", "2026-02-20", "2026-02-23", "2026-05-05"}
WORKED = {"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09"}


def kind_of_day(day: str) -> str:
    if day in OF_HOLIDAYS:
        return "holiday"
    if day in EXCHANGED:
        return "rest"
    weekend = date.fromisoformat(day).isoweekday() > 5
    return "rest" if weekend and day not in WORKED else "workday"


def following(month: str) -> str:
    first = date.fromisoformat(month + "-01")
    return (first + timedelta(days=31)).isoformat()[:7]
