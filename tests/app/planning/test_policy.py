"""Prices, windows and bans: pure rules."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

import dispatch
from app.planning import policy
from app.planning.commit import open_choices
from app.planning.commit_rows import Due, Hands
from app.planning.held_up import held_up

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


def due(crew: UUID, minutes: int, service_class: str = "H3", *, pinned: bool = False) -> Due:
    start_at = NOW + timedelta(minutes=minutes)
    return Due(
        order_id=uuid4(),
        station_id=uuid4(),
        crew_id=crew,
        run_id=uuid4(),
        arrive_at=start_at,
        start_at=start_at,
        travel_s=600,
        position=0,
        service_class=service_class,
        pinned=pinned,
        home_id=uuid4(),
    )


def saving(by_crew: dict[UUID, int]) -> Any:
    """An offer in which these crews would save so much."""
    return SimpleNamespace(
        worth_it={crew: SimpleNamespace(saved_s=saved_s) for crew, saved_s in by_crew.items()}
    )


class TestHeldUp:
    def test_a_crew_with_empty_hands_is_never_held_up(self) -> None:
        assert held_up([due(uuid4(), -60)], {}, NOW) == []

    def test_what_is_left_unanswered_holds_up_all_that_is_due(self) -> None:
        crew = uuid4()
        soon, later = due(crew, 20), due(crew, 40)
        hands = {crew: Hands(unaccepted=1, ahead=1, waiting_since=NOW - timedelta(minutes=7))}
        found = held_up([soon, later], hands, NOW)
        assert {each.visit for each in found} == {soon, later}
        assert [(each.behind_s, each.unanswered) for each in found] == [(420, True)] * 2
        fresh = {crew: Hands(unaccepted=1, ahead=1, waiting_since=NOW - timedelta(minutes=4))}
        assert held_up([soon, later], fresh, NOW) == []

    def test_a_crew_at_work_that_should_have_left_is_behind(self) -> None:
        crew = uuid4()
        late, on_time = due(crew, 3), due(crew, 6)
        [found] = held_up([late, on_time], {crew: Hands(begun=1)}, NOW)
        assert (found.visit, found.behind_s, found.unanswered) == (late, 420, False)

    def test_a_pinned_visit_waits_for_its_crew(self) -> None:
        crew = uuid4()
        assert held_up([due(crew, -60, pinned=True)], {crew: Hands(ahead=2)}, NOW) == []


class TestUnanswered:
    def test_silence_lasts_as_long_again_but_not_for_ever(self) -> None:
        assert policy.unanswered_s(240) == 240
        assert policy.unanswered_s(9000) == policy.LONGEST_ANSWER_S


class TestOpenChoices:
    def test_an_idle_crew_gets_one_and_the_earliest_is_cheapest(self) -> None:
        crew = uuid4()
        first, second = due(crew, 10), due(crew, 30)
        candidates, capacity = open_choices([second, first], {}, NOW)
        assert capacity == {str(crew): 1}
        assert min(candidates, key=lambda each: each.cost_s).order_id == str(first.order_id)

    def test_an_unaccepted_order_keeps_all_but_danger_away(self) -> None:
        crew = uuid4()
        calm, danger = due(crew, 10), due(crew, 20, "E1")
        hands = {crew: Hands(unaccepted=1, ahead=1)}
        candidates, capacity = open_choices([calm, danger], hands, NOW)
        assert [each.order_id for each in candidates] == [str(danger.order_id)]
        assert candidates[0].urgent and capacity == {str(crew): 1}

    def test_hand_overs_are_paired_as_a_whole_and_come_before_a_crews_own_visit(self) -> None:
        """Neither the nearest crew of each nor the greatest saving first finds this pairing."""
        stuck, a, b = uuid4(), uuid4(), uuid4()
        x, y, own = due(stuck, 5), due(stuck, 6), due(b, 1)
        offers: Any = {
            x.order_id: saving({a: 1000, b: 950}),
            y.order_id: saving({a: 900, b: 100}),
        }
        candidates, capacity = open_choices(
            [own, x, y], {stuck: Hands(unaccepted=1, ahead=1)}, NOW, offers
        )
        assert dispatch.choose_commits(candidates, capacity) == {
            str(x.order_id): str(b),
            str(y.order_id): str(a),
        }

    def test_two_orders_ahead_are_enough(self) -> None:
        crew = uuid4()
        candidates, capacity = open_choices([due(crew, 10)], {crew: Hands(ahead=2)}, NOW)
        assert candidates == [] and capacity == {str(crew): 0}
