"""Time that uses up a limit: all of it, or working days alone (DOMAIN 7, calendars).

A working day counts from midnight to midnight of the company's time zone, 24 hours.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from app.catalogue import holidays
from app.catalogue.errors import HolidaysUnknown
from app.core import settings

ALWAYS = "always"
WORKING_DAYS = "working_days"
_DAY = timedelta(days=1)
_SATURDAY = 5
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many seconds of the days that the calendar counts."""

    seconds: int
    calendar: str = ALWAYS

    def due_at(self, base: datetime) -> datetime:
        """When a time that counts from `base` reaches the limit."""
        if self.calendar == ALWAYS:
            return base + timedelta(seconds=self.seconds)
        left, at = timedelta(seconds=self.seconds), base
        while True:
            day = at.astimezone(settings.current().zone).date()
            ends = _midnight(day + _DAY)
            if not is_day_off(day):
                if left <= ends - at:
                    return at + left
                left -= ends - at
            at = ends


def days_off(first: date, last: date) -> list[date]:
    """Local days from `first` to `last` that are no working days."""
    days = (first + n * _DAY for n in range((last - first).days + 1))
    return [day for day in days if is_day_off(day)]


def is_day_off(day: date) -> bool:
    """Whether limits in working days leave the day out; by its weekday in an unannounced year.

    A clock must not stand still because next year's holidays are not announced yet.
    """
    try:
        return not holidays.is_working_day(day)
    except HolidaysUnknown:
        _told_once(day.year)
        return day.weekday() >= _SATURDAY


@lru_cache(maxsize=16)
def _told_once(year: int) -> None:
    log.warning("the holidays of %s are not known: limits in working days take weekends off", year)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), settings.current().zone).astimezone(UTC)
