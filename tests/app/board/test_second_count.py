"""The second count itself, by hand, and against the service's fold over made histories."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.work_orders.clocks import Span, advance
from app.work_orders.rules import RULES
from app.work_orders.states import Action as A
from app.work_orders.states import State as S
from tests.app.board import second_count

START = datetime(2026, 1, 15, tzinfo=UTC)
ABSENT = {"K4": "rebased", "K5": "paused", "K6": "paused"}
PARTS = {"K5": "paused", "K6": "paused"}
SILENT = {A.PINNED, A.AMENDED, A.HOLD_REQUESTED, A.HOLD_REFUSED, A.CANCEL_REFUSED, A.DRAFTED}
ACTIONS = [action for action in RULES if action not in SILENT]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def event(action: A, state: S, minutes: float, **payload: Any) -> dict[str, Any]:
    return {
        "action": action.value,
        "to_state": state.value,
        "at": at(minutes),
        "payload": payload,
    }


STORY = [
    event(A.DRAFTED, S.DRAFT, 0),
    event(A.SUBMITTED, S.NEW, 1),
    event(A.SENT, S.SENT, 4),
    event(A.REFUSED, S.RETURNED, 6),
    event(A.SENT, S.SENT, 10),
    event(A.ACCEPTED, S.ACCEPTED, 11),
    event(A.HELD, S.HOLD, 15, clocks=ABSENT),
    event(A.RESUMED, S.NEW, 75, clocks=ABSENT),
    event(A.SENT, S.SENT, 76),
    event(A.ACCEPTED, S.ACCEPTED, 78),
    event(A.CONTACTED, S.ACCEPTED, 80),
    event(A.DEPARTED, S.ENROUTE, 81),
    event(A.ARRIVED, S.ONSITE, 95),
    event(A.STARTED, S.WORKING, 96),
    event(A.COMPLETED, S.DONE, 125),
]


class TestByHand:
    def test_a_story_with_a_refusal_and_an_absent_customer(self) -> None:
        found = [
            (run["clock"], run["by"], run["gross"] // 60, run["net"] // 60)
            for run in second_count.runs(STORY, at(130))
        ]
        assert sorted(found, key=str) == sorted(
            [
                ("K1", "sent", 3, 3),
                ("K1", "sent", 4, 4),
                ("K1", "sent", 1, 1),
                ("K2", "refused", 2, 2),
                ("K2", "accepted", 1, 1),
                ("K2", "accepted", 2, 2),
                ("K3", "held", 4, 4),
                ("K3", "contacted", 2, 2),
                ("K4", "arrived", 94, 20),
                ("K5", "completed", 30, 30),
                ("K6", "completed", 124, 64),
                ("SAFE", "completed", 124, 124),
                ("K7", None, 5, 5),
            ],
            key=str,
        )

    def test_measures(self) -> None:
        run = {"end": START, "good": True, "kind": "cap", "limit": 60}
        found: list[dict[str, Any]] = [
            run | {"net": net, "gross": net + 10} for net in (10, 20, 60, 61)
        ]
        found.append(run | {"end": None, "good": False, "net": 50, "gross": 61})
        found.append(run | {"good": False, "net": 5, "gross": 6})
        for each in found:
            each |= {f"late_{time}": each[time] > 60 for time in ("net", "gross")}
        told = second_count.measured(found)
        assert (told["n"], told["running"], told["left_out"]) == (4, 1, 1)
        assert (told["mean_net"], told["p50_net"], told["p90_net"]) == (38, 20, 61)
        assert (told["within_net"], told["late_net"]) == (3, 1)
        assert (told["within_gross"], told["late_gross"]) == (2, 3)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Legal walks through the table, minutes apart, with holds and wishes for a slot."""
    state, minute = S.NEW, 1.0
    story = [event(A.SUBMITTED, S.NEW, minute)]
    held: dict[str, str] = {}
    for _ in range(draw(st.integers(1, 25))):
        possible = [a for a in ACTIONS if state in RULES[a].sources]
        if not possible:
            break
        action = draw(st.sampled_from(sorted(possible)))
        minute += draw(st.integers(0, 40)) + draw(st.sampled_from([0.0, 0.013]))
        payload: dict[str, Any] = {}
        if action is A.HELD:
            held = draw(st.sampled_from([ABSENT, PARTS, {}]))
        if action in {A.HELD, A.RESUMED}:
            payload["clocks"] = held
        if action is A.REBOOKED:
            payload["base"] = at(minute + draw(st.integers(0, 90))).isoformat()
        target = RULES[action].target
        if action is A.RESUMED:
            target = draw(st.sampled_from([S.NEW, S.SENT, S.ACCEPTED]))
        state = target or state
        story.append(event(action, state, minute, **payload))
    return story


class TestAgainstTheFold:
    @settings(max_examples=150, deadline=None)
    @given(histories())
    def test_both_find_the_same_runs_in_any_history(self, story: list[dict[str, Any]]) -> None:
        spans: list[Span] = []
        for each in story:
            base = each["payload"].get("base")
            spans = advance(
                spans,
                A(each["action"]),
                S(each["to_state"]),
                each["at"],
                hold=each["payload"].get("clocks", {}),
                base=datetime.fromisoformat(base) if base else None,
            )
        now = story[-1]["at"] + timedelta(minutes=7)
        folded = [
            (s.clock, s.started_at, s.stopped_at, s.stopped_by, s.gross_s(now), s.net_s(now))
            for s in spans
        ]
        counted = [
            (run["clock"], run["start"], run["end"], run["by"], run["gross"], run["net"])
            for run in second_count.runs(story, now)
        ]
        assert sorted(folded, key=str) == sorted(counted, key=str)
