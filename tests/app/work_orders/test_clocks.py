"""The clocks K1-K8 as pure steps."""

from datetime import UTC, datetime, timedelta

from app.catalogue.working_time import Limit
from app.work_orders.clocks import Span, advance
from app.work_orders.states import Action as A
from app.work_orders.states import State as S

HOLDS = {
    "customer_absent": {"K4": "rebased", "K5": "paused", "K6": "paused"},
    "waiting_parts": {"K5": "paused", "K6": "paused"},
    "weather_red": {"K4": "paused", "K5": "paused", "K6": "paused"},
}
"""Lines of the hold table, by hand from DOMAIN section 7."""
HALF_AN_HOUR = Limit(1800)
START = datetime(2026, 1, 15, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def folded(*steps: tuple[A, S, float], hold: str | None = None) -> dict[str, list[Span]]:
    spans: list[Span] = []
    for action, state, minute in steps:
        effects = HOLDS[hold] if hold and action in {A.HELD, A.RESUMED} else {}
        spans = advance(spans, action, state, minutes(minute), hold=effects)
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.clock, []).append(span)
    return found


class TestAdvance:
    """One action after another"""

    def test_report_starts_dispatch_arrival_total_and_safety(self) -> None:
        spans = folded((A.SUBMITTED, S.NEW, 0))
        assert set(spans) == {"K1", "K4", "K6", "SAFE"}

    def test_dispatch_stops_k1_and_starts_k2_until_acceptance(self) -> None:
        spans = folded((A.SUBMITTED, S.NEW, 0), (A.SENT, S.SENT, 2), (A.ACCEPTED, S.ACCEPTED, 5))
        assert spans["K1"][0].gross_s(minutes(9)) == 120
        assert spans["K2"][0].gross_s(minutes(9)) == 180
        assert spans["K3"][0].running

    def test_a_refusal_gives_k1_a_second_span(self) -> None:
        spans = folded((A.SUBMITTED, S.NEW, 0), (A.SENT, S.SENT, 2), (A.REFUSED, S.RETURNED, 4))
        assert [(span.number, span.running) for span in spans["K1"]] == [(1, False), (2, True)]

    def test_a_reassignment_restarts_k2(self) -> None:
        spans = folded((A.SUBMITTED, S.NEW, 0), (A.SENT, S.SENT, 2), (A.RESENT, S.SENT, 4))
        assert [span.running for span in spans["K2"]] == [False, True]
        assert spans["K2"][1].started_at == minutes(4)

    def test_a_merge_stops_all_and_a_split_takes_up_what_the_customer_waits_for(self) -> None:
        """DOMAIN 7, rows 21 and 22: a split leaves the clocks as if nothing had been merged."""
        merged = [(A.SUBMITTED, S.NEW, 0), (A.SENT, S.SENT, 2), (A.MERGED, S.MERGED, 5)]
        spans = folded(*merged)
        assert not any(span.running for each in spans.values() for span in each)
        split = folded(*merged, (A.SPLIT, S.NEW, 30))
        assert all(split[clock][0].running for clock in ("K4", "K6", "SAFE"))
        assert split["K4"][0].net_s(minutes(40)) == 2400
        assert [span.running for span in split["K1"]] == [False, True]
        assert split["K1"][1].started_at == minutes(30)
        assert [span.running for span in split["K2"]] == [False]
        repaired = folded(*merged, (A.FOLLOWED, S.REVISIT, 90))
        assert {clock for clock, each in repaired.items() if each[-1].running} == {"K8"}

    def test_a_rejected_review_gives_k7_a_second_span_at_the_next_completion(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.COMPLETED, S.DONE, 60),
            (A.REJECTED, S.WORKING, 70),
            (A.COMPLETED, S.DONE, 90),
        )
        assert [span.gross_s(minutes(100)) for span in spans["K7"]] == [600, 600]

    def test_a_rejected_completion_ended_nothing_and_its_review_is_left_out_of_the_net(
        self,
    ) -> None:
        """DOMAIN 7, row 14: K7 alone has a second span; the total runs from the report on."""
        steps = [
            (A.SUBMITTED, S.NEW, 0),
            (A.ARRIVED, S.ONSITE, 20),
            (A.COMPLETED, S.DONE, 60),
            (A.REJECTED, S.WORKING, 160),
        ]
        spans = folded(*steps)
        assert {clock: len(each) for clock, each in spans.items()} == {
            **dict.fromkeys(("K1", "K4", "K5", "K6", "SAFE", "K7"), 1)
        }
        assert all(spans[clock][0].running for clock in ("K5", "K6", "SAFE"))
        assert spans["K6"][0].due_at(Limit(90 * 60)) == minutes(190), "supervision goes on"
        again = folded(*steps, (A.COMPLETED, S.DONE, 180))
        assert again["K6"][0].gross_s(minutes(200)) == 180 * 60
        assert again["K6"][0].net_s(minutes(200)) == 80 * 60
        assert again["K5"][0].net_s(minutes(200)) == 60 * 60
        assert [span.gross_s(minutes(200)) for span in again["K7"]] == [6000, 1200]

    def test_what_was_restored_before_the_completion_stays_restored(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.ARRIVED, S.ONSITE, 20),
            (A.RESTORED, S.WORKING, 50),
            (A.MADE_SAFE, S.WORKING, 51),
            (A.COMPLETED, S.DONE, 60),
            (A.REJECTED, S.WORKING, 160),
        )
        assert not spans["K5"][0].running
        assert not spans["SAFE"][0].running
        assert spans["K6"][0].running

    def test_red_weather_pauses_the_net_time_of_arrival_and_total(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.HELD, S.HOLD, 10),
            (A.RESUMED, S.NEW, 40),
            (A.ARRIVED, S.ONSITE, 50),
            hold="weather_red",
        )
        assert spans["K4"][0].gross_s(minutes(60)) == 50 * 60
        assert spans["K4"][0].net_s(minutes(60)) == 20 * 60

    def test_absence_lets_the_net_time_of_arrival_begin_anew_and_pauses_the_total(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.HELD, S.HOLD, 10),
            (A.RESUMED, S.NEW, 40),
            (A.ARRIVED, S.ONSITE, 50),
            (A.COMPLETED, S.DONE, 70),
            hold="customer_absent",
        )
        assert spans["K4"][0].gross_s(minutes(90)) == 50 * 60
        assert spans["K4"][0].net_s(minutes(90)) == 10 * 60
        assert spans["K6"][0].net_s(minutes(90)) == 40 * 60
        assert spans["K4"][0].stopped_by is A.ARRIVED

    def test_waiting_for_parts_lets_arrival_run(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.HELD, S.HOLD, 10),
            (A.RESUMED, S.NEW, 40),
            hold="waiting_parts",
        )
        assert spans["K4"][0].net_s(minutes(50)) == 50 * 60
        assert spans["K6"][0].net_s(minutes(50)) == 20 * 60

    def test_a_hold_asked_before_a_clock_began_pauses_it_from_its_beginning(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.ARRIVED, S.ONSITE, 30),
            (A.HELD, S.HOLD, 20),
            (A.RESUMED, S.NEW, 50),
            hold="waiting_parts",
        )
        assert spans["K5"][0].net_s(minutes(60)) == 10 * 60

    def test_closing_stops_everything(self) -> None:
        spans = folded((A.SUBMITTED, S.NEW, 0), (A.CANCELLED, S.CANCELLED, 5))
        assert not [span for each in spans.values() for span in each if span.running]

    def test_the_due_time_moves_by_the_pauses_and_rests_while_paused(self) -> None:
        spans = folded((A.SUBMITTED, S.NEW, 0), (A.HELD, S.HOLD, 10), hold="customer_absent")
        assert spans["K4"][0].due_at(HALF_AN_HOUR) is None
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.HELD, S.HOLD, 10),
            (A.RESUMED, S.NEW, 40),
            hold="customer_absent",
        )
        assert spans["K4"][0].due_at(HALF_AN_HOUR) == minutes(70)


class TestBase:
    """What the customer wishes for lets arrival and total begin with the slot"""

    def rebooked(self, *then: tuple[A, S, float]) -> dict[str, Span]:
        spans = advance([], A.SUBMITTED, S.NEW, minutes(0))
        spans = advance(spans, A.REBOOKED, S.NEW, minutes(20), base=minutes(60))
        for action, state, minute in then:
            effects = HOLDS["weather_red"] if action in {A.HELD, A.RESUMED} else {}
            spans = advance(spans, action, state, minutes(minute), hold=effects)
        return {span.clock: span for span in spans}

    def test_net_time_and_due_time_count_from_the_slot_and_gross_from_the_report(self) -> None:
        spans = self.rebooked((A.ARRIVED, S.ONSITE, 75))
        assert spans["K4"].gross_s(minutes(99)) == 75 * 60
        assert spans["K4"].net_s(minutes(99)) == 15 * 60
        assert spans["K6"].due_at(Limit(3600)) == minutes(120)
        assert spans["SAFE"].net_s(minutes(99)) == 99 * 60
        assert spans["K1"].net_s(minutes(99)) == 99 * 60

    def test_who_comes_before_the_slot_has_used_none_of_it(self) -> None:
        assert self.rebooked((A.ARRIVED, S.ONSITE, 50))["K4"].net_s(minutes(99)) == 0

    def test_a_pause_before_the_slot_is_not_counted_twice(self) -> None:
        spans = self.rebooked((A.HELD, S.HOLD, 30), (A.RESUMED, S.NEW, 70))
        assert spans["K4"].net_s(minutes(80)) == 10 * 60
        early = self.rebooked((A.HELD, S.HOLD, 30), (A.RESUMED, S.NEW, 40))
        assert early["K4"].due_at(HALF_AN_HOUR) == minutes(90)
        open_still = self.rebooked((A.HELD, S.HOLD, 30))
        assert open_still["K4"].net_s(minutes(80)) == 0

    def test_an_appointment_at_the_report_counts_from_the_slot_at_once(self) -> None:
        spans = advance([], A.SUBMITTED, S.NEW, minutes(0), base=minutes(90))
        due = {span.clock: span.due_at(HALF_AN_HOUR) for span in spans}
        assert (due["K4"], due["SAFE"]) == (minutes(120), minutes(30))
