"""Which local days are workdays, rest days or days of a public holiday.

China's days come from the kept package `chinesecalendar`, which knows only announced years. For
any other year the company must say them itself, in the TOML file `PAIGONG_HOLIDAYS_FILE`, or
`holidays.toml` in the data folder:

    [2027]
    holidays = [2027-01-01]
    rest_days = [2027-01-02]
    workdays = [2027-01-03]

A year that is written there is taken from there, whatever the package knows; days that it does
not name are rest days on Saturday and Sunday and workdays otherwise.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

import chinese_calendar

from app.catalogue.errors import HolidaysInvalid, HolidaysUnknown
from app.core import settings

DayType = Literal["workday", "rest", "holiday"]
_KINDS: Mapping[str, DayType] = {
    "holidays": "holiday",
    "rest_days": "rest",
    "workdays": "workday",
}
_SATURDAY = 5


def day_type(day: date) -> DayType:
    """What a local day is; raises HolidaysUnknown and HolidaysInvalid."""
    chosen = settings.current()
    file = chosen.holidays_file or chosen.data_dir / "holidays.toml"
    years = _years(file, file.stat().st_mtime_ns) if file.is_file() else {}
    if day.year in years:
        return years[day.year].get(day) or _by_weekday(day)
    try:
        return _announced(day)
    except NotImplementedError:
        raise HolidaysUnknown(year=day.year, file=str(file)) from None


def is_working_day(day: date) -> bool:
    """Whether periods of working days count this one."""
    return day_type(day) == "workday"


@lru_cache(maxsize=4096)
def _announced(day: date) -> DayType:
    """Days off of a named holiday are holidays, but for those exchanged for a worked weekend."""
    off, holiday = chinese_calendar.get_holiday_detail(day)
    if not off:
        return "workday"
    in_its_place = holiday is not None and chinese_calendar.is_in_lieu(day)
    return "holiday" if holiday is not None and not in_its_place else "rest"


def _by_weekday(day: date) -> DayType:
    return "rest" if day.weekday() >= _SATURDAY else "workday"


@lru_cache(maxsize=4)
def _years(file: Path, _changed: int) -> dict[int, dict[date, DayType]]:
    try:
        read = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise HolidaysInvalid(f"{file}: {error}") from error
    return {_year(file, name): _days(file, name, said) for name, said in read.items()}


def _year(file: Path, name: str) -> int:
    if not name.isdecimal() or not 2000 <= int(name) <= 2999:
        raise HolidaysInvalid(f"{file}: [{name}] is no year")
    return int(name)


def _days(file: Path, year: str, said: object) -> dict[date, DayType]:
    if not isinstance(said, dict) or said.keys() - _KINDS.keys():
        raise HolidaysInvalid(f"{file}: [{year}] holds only {', '.join(_KINDS)}")
    days: dict[date, DayType] = {}
    for kind, listed in said.items():
        for day in listed if isinstance(listed, list) else [listed]:
            if type(day) is not date or str(day.year) != year:
                raise HolidaysInvalid(f"{file}: [{year}] {kind}: {day} is no day of {year}")
            if day in days:
                raise HolidaysInvalid(f"{file}: [{year}] {kind}: {day} is named twice")
            days[day] = _KINDS[kind]
    return days
