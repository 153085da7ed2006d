"""Links and words for customers, without a database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from uuid import uuid4

import pytest

from app.core import clock, settings
from app.core.settings import Settings
from app.identity.errors import TooManyRequests
from app.notifications import customer_links, customer_texts
from app.notifications.customer_limits import PER_LINK, PublicLimits
from app.work_orders.states import Action
from tests.conftest import settings_for

DAY = timedelta(days=1)
PLACES = {"serial", "fault", "crew", "slot", "until", "reason", "arrival", "link"}


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    chosen = settings_for("postgresql://nobody@localhost/none", tmp_path)
    settings.install(chosen)
    return chosen


class TestLink:
    def test_it_names_its_subject_for_its_purpose_alone(self, config: Settings) -> None:
        subject = uuid4()
        link = customer_links.sign("visit", subject, DAY)
        assert len(link) == 44
        assert customer_links.read("visit", link) == (subject, False)
        assert customer_links.read("rating", link) is None
        config.secret_key, config.previous_secret_key = "another secret " * 3, config.secret_key
        assert customer_links.read("visit", link) == (subject, False)
        config.previous_secret_key = None
        assert customer_links.read("visit", link) is None

    def test_it_runs_out(self, config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        assert config.secret_key
        link = customer_links.sign("rating", uuid4(), DAY)
        later = clock.real_now() + DAY + timedelta(seconds=1)
        monkeypatch.setattr(clock, "real_now", lambda: later)
        found = customer_links.read("rating", link)
        assert found is not None
        assert found.expired

    def test_no_letter_of_it_can_be_another(self, config: Settings) -> None:
        assert config.secret_key
        link = customer_links.sign("visit", uuid4(), DAY)
        for place in range(len(link)):
            other = "A" if link[place] != "A" else "B"
            assert customer_links.read("visit", link[:place] + other + link[place + 1 :]) is None
        for nonsense in ("", "x" * 44, link[:-1], link + "=", "汉" * 44):
            assert customer_links.read("visit", nonsense) is None


class TestLimits:
    def test_a_link_and_an_address_are_counted_each(self) -> None:
        limits = PublicLimits()
        for _ in range(int(PER_LINK[1])):
            limits.spend("10.0.0.1", "a link")
        with pytest.raises(TooManyRequests):
            limits.spend("10.0.0.2", "a link")
        limits.spend("10.0.0.1", "another link")
        with pytest.raises(TooManyRequests):
            for n in range(200):
                limits.spend("10.0.0.1", f"guess {n}")


class TestCatalogue:
    def test_every_message_is_whole_in_both_languages_and_names_only_what_is_known(self) -> None:
        kinds = customer_texts.catalogue().kinds
        told = {kind.on for kind in kinds.values() if kind.on}
        assert told == {
            *(Action.SUBMITTED, Action.ACCEPTED, Action.DEPARTED, Action.HELD),
            *(Action.REBOOKED, Action.COMPLETED, Action.PASSED, Action.MERGED, Action.FOLLOWED),
        }
        for name, kind in kinds.items():
            named = [
                {place for _, place, _, _ in Formatter().parse(words) if place}
                for words in (kind.zh + kind.zh_link, kind.en + kind.en_link)
            ]
            assert named[0] == named[1] <= PLACES, name
            assert ("link" in named[0]) == (kind.link is not None), name

    def test_without_the_link_that_it_is_about_it_is_no_message(self) -> None:
        values = dict.fromkeys(PLACES - {"link"}, "x")
        rating = customer_texts.catalogue().kinds["rating"]
        assert customer_texts.rendered(rating, "zh", values, None) is None
        way = customer_texts.catalogue().kinds["on_the_way"]
        assert "http" not in (customer_texts.rendered(way, "en", values, None) or "http")

    def test_times_are_the_companys(self, config: Settings) -> None:
        assert config.time_zone == "Asia/Shanghai"
        starts = datetime(2026, 1, 15, 2, 30, tzinfo=UTC)
        assert customer_texts.slot(starts, starts + DAY / 12, "zh") == "1月15日10:30-12:30"
        assert customer_texts.when(starts, "en") == "15 Jan 10:30"
        assert customer_texts.when(None, "zh") == "稍后"
