"""The hold table of DOMAIN section 7, row by row: written by hand here, shipped as data there."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest

from app.catalogue.load import DEFAULT_POLICY, policy_from, text_of
from app.catalogue.policies import rules_of
from app.core.permissions import Role
from app.work_orders.clocks import Span, advance
from app.work_orders.holds import held_so_far
from app.work_orders.models import WorkOrderEvent
from app.work_orders.rules import RULES
from app.work_orders.states import Action as A
from app.work_orders.states import State as S

START = datetime(2026, 1, 15, tzinfo=UTC)
DESK = {Role.DISPATCHER, Role.STATION_CHIEF}


class Row(NamedTuple):
    """Reason, proof, longest hours (None: not limited but by 60 days), what follows, approvers,
    and the net minutes of arrival, restoration and total after 10 minutes, 30 on hold, 20 more."""

    reason: str
    proof: str
    longest_h: int | None
    then: str
    approved_by: set[Role]
    k4: int
    k5: int
    k6: int


TABLE = [
    Row("customer_absent", "sms", None, "resume", DESK, k4=20, k5=30, k6=30),
    Row("quote_refused", "signature", 72, "cancel", DESK, k4=60, k5=30, k6=30),
    Row("waiting_parts", "store_entry", None, "resume", DESK, k4=60, k5=30, k6=30),
    Row("waiting_window", "reference", None, "resume", DESK, k4=60, k5=30, k6=30),
    Row("other_owner", "transfer_note", 5 * 24, "supervise", DESK, k4=60, k5=30, k6=30),
    Row("weather_red", "warning", 72, "resume", {Role.STATION_CHIEF}, k4=30, k5=30, k6=30),
]
HOLDS = rules_of("shipped", policy_from(text_of(DEFAULT_POLICY)).rules).holds


def after(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def folded(clocks: Any, *before: tuple[A, S]) -> dict[str, Span]:
    """Events at the start, then 10 minutes, a hold of 30, and on."""
    spans: list[Span] = []
    steps = [(action, state, 0) for action, state in before]
    for action, state, minute in [*steps, (A.HELD, S.HOLD, 10), (A.RESUMED, S.NEW, 40)]:
        effects = clocks if action in {A.HELD, A.RESUMED} else {}
        spans = advance(spans, action, state, after(minute), hold=effects)
    return {span.clock: span for span in spans}


@pytest.mark.parametrize("row", TABLE, ids=[row.reason for row in TABLE])
class TestRow:
    """Each line of the table"""

    def test_its_proof_its_longest_what_follows_and_who_approves(self, row: Row) -> None:
        rule = HOLDS[row.reason]
        assert (rule.proof, rule.then, set(rule.approved_by)) == (
            row.proof,
            row.then,
            row.approved_by,
        )
        assert rule.longest == timedelta(hours=row.longest_h or 60 * 24)

    def test_what_it_does_to_arrival_restoration_and_total(self, row: Row) -> None:
        effects = HOLDS[row.reason].clocks
        before = folded(effects, (A.SUBMITTED, S.NEW))
        at_work = folded(effects, (A.SUBMITTED, S.NEW), (A.ARRIVED, S.ONSITE))
        net = [before["K4"].net_s(after(60)), at_work["K5"].net_s(after(60))]
        assert [each // 60 for each in net] == [row.k4, row.k5]
        for spans in (before, at_work):
            assert spans["K6"].net_s(after(60)) == row.k6 * 60
            assert spans["K6"].gross_s(after(60)) == 60 * 60, "the public time always runs"

    def test_what_was_held_before_for_the_reason_is_used_up(self, row: Row) -> None:
        events = [
            SimpleNamespace(
                action=action.value,
                payload={"reason": reason},
                at=after(minute),
                from_state=was.value,
                to_state=becomes.value,
            )
            for action, reason, minute, was, becomes in (
                (A.HELD, row.reason, 0, S.NEW, S.HOLD),
                (A.URGED, "calls again", 5, S.HOLD, S.HOLD),
                (A.RESUMED, "", 30, S.HOLD, S.NEW),
                (A.HELD, "something else", 40, S.NEW, S.HOLD),
                (A.RESUMED, "", 90, S.HOLD, S.NEW),
                (A.HELD, row.reason, 100, S.NEW, S.HOLD),
                (A.CANCELLED, "", 115, S.HOLD, S.CANCELLED),
            )
        ]
        used = held_so_far(cast(list[WorkOrderEvent], events), row.reason)
        assert used == timedelta(minutes=45)


def test_the_table_has_no_other_reason_such_as_a_busy_crew_or_the_end_of_a_shift() -> None:
    assert set(HOLDS) == {row.reason for row in TABLE}


def test_crew_and_desk_ask_and_the_desk_decides_but_only_between_report_and_work() -> None:
    """DOMAIN 7, row 19: NEW to WORKING; requested by the technician, approved by the desk."""
    asked, held = RULES[A.HOLD_REQUESTED], RULES[A.HELD]
    assert asked.roles == {Role.TECHNICIAN} | DESK
    assert held.roles == DESK | {Role.MANAGER}
    assert (
        asked.sources == held.sources == {S.NEW, S.SENT, S.ACCEPTED, S.ENROUTE, S.ONSITE, S.WORKING}
    )
    assert not asked.timers and not held.timers and not held.links
