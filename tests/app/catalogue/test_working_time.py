"""Limits in working days: weekends, holidays and worked weekends of the announced year."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.catalogue.working_time import WORKING_DAYS, Limit, days_off, is_day_off
from app.core import settings
from tests.app.board.second_count import idle
from tests.conftest import settings_for

CHINA = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True, scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.install(settings_for("postgresql://nowhere/x", tmp_path_factory.mktemp("data")))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("begins", "days", "due"),
    [
        ("2026-01-14 17:00", 2, "2026-01-16 17:00"),  # Wednesday: no day off between
        ("2026-01-16 17:00", 2, "2026-01-20 17:00"),  # Friday, over the weekend
        ("2026-01-17 09:00", 2, "2026-01-20 24:00"),  # Saturday: the clock begins on Monday
        ("2026-02-14 10:00", 1, "2026-02-24 10:00"),  # a worked Saturday before the New Year
        ("2199-05-03 17:00", 1, "2199-05-06 17:00"),  # Friday of a year nobody announced
    ],
)
def test_due_after_working_days(begins: str, days: int, due: str) -> None:
    day, _, hour = due.partition(" ")
    expected = (
        local(f"{day} 00:00") + timedelta(days=1) if hour == "24:00" else local(due)
    ).astimezone(UTC)
    limit = Limit(days * 86_400, WORKING_DAYS)
    assert limit.due_at(local(begins)).astimezone(UTC) == expected
    assert Limit(days * 86_400).due_at(local(begins)) == local(begins) + timedelta(days=days)


def test_days_off_are_those_of_the_announced_year() -> None:
    found = days_off(date(2026, 2, 13), date(2026, 2, 28))
    assert [day.day for day in found] == [*range(15, 24)], "14th and 28th are worked Saturdays"


@examples(max_examples=60, deadline=None)
@given(
    st.integers(0, 300 * 86_400),
    st.integers(1, 6 * 86_400),
)
def test_due_is_where_the_counted_time_reaches_the_limit(since: int, seconds: int) -> None:
    begins = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=since)
    due = Limit(seconds, WORKING_DAYS).due_at(begins)
    assert due - begins == timedelta(seconds=seconds + idle(begins, due, CHINA, is_day_off))
