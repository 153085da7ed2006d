"""Prices, windows and bans: pure rules."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.planning import policy

NOW = datetime(2026, 1, 15, 0, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class TestPrices:
    def test_danger_outweighs_every_other_class(self) -> None:
        classes = ["E1", "E2", "H3", "H4", "C5"]
        rates = [policy.late_rate(each, vulnerable=False, overdue=0) for each in classes]
        assert rates == sorted(rates, reverse=True)

    def test_lateness_weighs_more_for_the_vulnerable_and_the_overdue(self) -> None:
        plain = policy.late_rate("H3", vulnerable=False, overdue=0)
        assert policy.late_rate("H3", vulnerable=True, overdue=0) == plain * 3 // 2
        assert policy.late_rate("H3", vulnerable=False, overdue=2 * 3600) == 3 * plain
        assert policy.late_rate("H3", vulnerable=False, overdue=90 * 3600) == 4 * plain

    @pytest.mark.parametrize("service_class", list(policy.PRICES))
    def test_serving_at_the_days_end_is_never_dearer_than_leaving_it_out(
        self, service_class: str
    ) -> None:
        rate = policy.late_rate(service_class, vulnerable=True, overdue=9 * 3600)
        worst = rate * policy.PLANNED_DAY_S // 1000 + 3600
        assert policy.unserved_price(service_class, rate) > worst


class TestWaiting:
    def test_short_work_waits_at_a_higher_price_and_all_work_at_some(self) -> None:
        minutes = (5, 20, 40, 60, 300)
        assert [policy.waiting_rate(60 * each) for each in minutes] == [40, 40, 10, 4, 1]

    @pytest.mark.parametrize("minutes", [5, 20, 45, 120, 360])
    def test_what_has_waited_for_a_day_comes_before_what_is_short_and_new(
        self, minutes: int
    ) -> None:
        day, work_s = 86_400, 60 * minutes
        new = policy.waiting_rate(1200) / 1200  # of two the one comes first that weighs more
        old = [policy.waiting_rate(work_s, waited_s=each) for each in (day, 2 * day, 3 * day)]
        assert all(rate / max(work_s, 1200) > new for rate in old)
        assert old == sorted(set(old))
        assert policy.waiting_rate(work_s, waited_s=9 * day) == old[-1]
        if minutes > 20:
            assert policy.waiting_rate(work_s, waited_s=day - 1) / work_s < new

    def test_the_vulnerable_wait_at_half_as_much_again(self) -> None:
        assert policy.waiting_rate(2400, vulnerable=True) == 15

    @pytest.mark.parametrize("service_class", list(policy.PRICES))
    def test_to_wait_all_day_is_never_dearer_than_being_left_out(self, service_class: str) -> None:
        rate = policy.late_rate(service_class, vulnerable=False, overdue=0)
        waiting = policy.waiting_rate(6 * 3600, vulnerable=True, waited_s=9 * 86_400)
        worst = waiting * policy.PLANNED_DAY_S // 1000 + 3600
        assert policy.unserved_price(service_class, rate + waiting) > worst


class TestStartWindow:
    def test_a_slot_is_widened_by_its_tolerance(self) -> None:
        slot = (NOW + 2 * HOUR, NOW + 3 * HOUR)
        half = timedelta(minutes=30)
        assert policy.start_window(slot, 1800, NOW, "H4") == (slot[0] - half, slot[1] + half)

    def test_a_slot_that_was_missed_binds_no_more(self) -> None:
        assert policy.start_window((NOW - 3 * HOUR, NOW - HOUR), 1800, NOW, "H4") is None

    def test_danger_waits_for_no_slot(self) -> None:
        assert policy.start_window((NOW + HOUR, NOW + 2 * HOUR), 1800, NOW, "E1") is None


class TestRemaining:
    def test_work_under_way_takes_what_is_left_but_never_nothing(self) -> None:
        assert policy.remaining_s(3600, "WORKING", "started", 600) == 3000
        assert policy.remaining_s(3600, "WORKING", "started", 9000) == policy.LEAST_REMAINING_S

    def test_work_not_begun_takes_all_its_time(self) -> None:
        assert policy.remaining_s(3600, "ONSITE", "arrived", 900) == 3600

    def test_a_record_sent_back_by_review_is_mended_soon(self) -> None:
        assert policy.remaining_s(7200, "WORKING", "rejected", 0) == policy.LEAST_REMAINING_S


class TestBanned:
    def test_a_refusal_lasts_longer_than_silence(self) -> None:
        refuser, sleeper = uuid4(), uuid4()
        lost = [(refuser, "refused", NOW), (sleeper, "accept_expired", NOW)]
        assert policy.banned(lost, NOW) == {refuser, sleeper}
        assert policy.banned(lost, NOW + HOUR) == {refuser}

    def test_a_crew_that_lost_it_to_the_desk_may_have_it_again(self) -> None:
        assert policy.banned([(uuid4(), "withdrawn", NOW)], NOW) == frozenset()


class TestUnanswered:
    def test_silence_lasts_as_long_again_but_not_for_ever(self) -> None:
        assert policy.unanswered_s(240) == 240
        assert policy.unanswered_s(9000) == policy.LONGEST_ANSWER_S
