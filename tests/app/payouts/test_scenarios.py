"""Worked examples: what was worked out by hand, what the product pays, what the oracle says."""

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.catalogue.holidays import day_type
from app.core import settings
from tests.app.payouts import oracle
from tests.app.payouts.book import Said, card_data
from tests.app.payouts.oracle_days import kind_of_day
from tests.app.payouts.story import play
from tests.conftest import settings_for

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.toml"))
Cards = list[tuple[date, date | None, dict[str, Any]]]


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> None:
    settings.install(settings_for("postgresql://unused", tmp_path))


def cards_of(read: dict[str, Any]) -> Cards:
    """The scenario's cards; without any the shipped one."""
    said = read.get("cards") or [{"from": date(2026, 1, 1)}]
    return [(each["from"], each.get("until"), card_data(each.get("changes"))) for each in said]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_hand_product_and_oracle_agree(file: Path) -> None:
    read = tomllib.loads(file.read_text("utf-8"))
    by_hand = Counter(Said(*each) for each in read["expect"])
    cards, steps = cards_of(read), read["steps"]
    assert Counter(play(cards, steps).said()) == by_hand
    assert Counter(Said(*each) for each in oracle.evaluate(cards, steps)) == by_hand


def test_there_are_forty() -> None:
    assert len(FILES) >= 40


def test_the_oracles_own_calendar_is_the_announced_one() -> None:
    first, last = date(2026, 1, 1), date(2026, 5, 31)
    days = [date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]
    assert [kind_of_day(day.isoformat()) for day in days] == [day_type(day) for day in days]
