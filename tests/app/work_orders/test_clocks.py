"""The clocks K1-K8 as pure steps."""

from datetime import UTC, datetime, timedelta

from app.work_orders.clocks import Span, advance
from app.work_orders.states import Action as A
from app.work_orders.states import State as S

START = datetime(2026, 1, 15, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def folded(*steps: tuple[A, S, float], hold: str | None = None) -> dict[str, list[Span]]:
    spans: list[Span] = []
    for action, state, minute in steps:
        reason = hold if action is A.HELD else None
        spans = advance(spans, action, state, minutes(minute), reason)
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

    def test_a_rejected_review_gives_k7_a_second_span_at_the_next_completion(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.COMPLETED, S.DONE, 60),
            (A.REJECTED, S.WORKING, 70),
            (A.COMPLETED, S.DONE, 90),
        )
        assert [span.gross_s(minutes(100)) for span in spans["K7"]] == [600, 600]

    def test_absence_pauses_the_net_time_of_arrival_and_total(self) -> None:
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.HELD, S.HOLD, 10),
            (A.RESUMED, S.NEW, 40),
            (A.ARRIVED, S.ONSITE, 50),
            hold="customer_absent",
        )
        assert spans["K4"][0].gross_s(minutes(60)) == 50 * 60
        assert spans["K4"][0].net_s(minutes(60)) == 20 * 60

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
        assert spans["K4"][0].due_at(1800) is None
        spans = folded(
            (A.SUBMITTED, S.NEW, 0),
            (A.HELD, S.HOLD, 10),
            (A.RESUMED, S.NEW, 40),
            hold="customer_absent",
        )
        assert spans["K4"][0].due_at(1800) == minutes(60)
