"""Which due visits are held up, and the choices of the commit step: pure rules."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import dispatch
from app.planning import policy
from app.planning.commit import open_choices, other_choices
from app.planning.commit_rows import Due, Hands
from app.planning.held_up import Held, held_up
from app.planning.offers import Lately

NOW = datetime(2026, 1, 15, 0, 0, tzinfo=UTC)


def due(crew: UUID, minutes: int, service_class: str = "H3", *, pinned: bool = False) -> Due:
    return Due(
        order_id=uuid4(),
        station_id=uuid4(),
        crew_id=crew,
        run_id=uuid4(),
        start_at=NOW + timedelta(minutes=minutes),
        position=0,
        service_class=service_class,
        pinned=pinned,
        home_id=uuid4(),
    )


def silent(minutes: int) -> Hands:
    """What a crew has in its hands that has not answered for so long."""
    return Hands(unaccepted=1, ahead=1, waiting_since=NOW - timedelta(minutes=minutes))


def saving(by_crew: dict[UUID, int]) -> Any:
    """An offer in which these crews would save so much."""
    return SimpleNamespace(
        worth_it={crew: SimpleNamespace(saved_s=saved_s) for crew, saved_s in by_crew.items()}
    )


class TestHeldUp:
    def test_what_is_left_unanswered_holds_up_all_that_is_due(self) -> None:
        crew = uuid4()
        soon, later = due(crew, 20), due(crew, 40)
        found = held_up([soon, later], {crew: silent(7)}, NOW)
        assert {each.visit for each in found} == {soon, later}
        assert [each.waited_s for each in found] == [420, 420]
        assert held_up([soon, later], {crew: silent(4)}, NOW) == []

    def test_the_longest_wait_comes_first(self) -> None:
        one, other = uuid4(), uuid4()
        visits = [due(one, 1), due(other, 20)]
        found = held_up(visits, {one: silent(6), other: silent(9)}, NOW)
        assert [each.visit.crew_id for each in found] == [other, one]

    def test_a_crew_at_work_or_with_empty_hands_holds_nothing_up(self) -> None:
        late = due(uuid4(), -60)
        for hands in (Hands(ahead=2), Hands()):
            assert held_up([late], {late.crew_id: hands}, NOW) == []
        assert held_up([late], {}, NOW) == []

    def test_a_pinned_visit_waits_for_its_crew(self) -> None:
        crew = uuid4()
        assert held_up([due(crew, -60, pinned=True)], {crew: silent(20)}, NOW) == []

    def test_danger_is_sent_rather_than_priced(self) -> None:
        crew = uuid4()
        danger, hands = due(crew, 5, "E1"), {crew: silent(20)}
        assert held_up([danger], hands, NOW) == []
        candidates, _ = open_choices([danger], hands, NOW)
        assert [each.order_id for each in candidates] == [str(danger.order_id)]


class TestLately:
    def test_the_same_visit_of_the_same_crew_is_asked_for_once_in_two_minutes(self) -> None:
        lately, held = Lately(), Held(due(uuid4(), 20), 480)
        assert lately.open([held], NOW) == [held]
        lately.note([held], NOW)
        almost = NOW + policy.ASKED_FOR - timedelta(seconds=1)
        assert lately.open([held], almost) == []
        assert lately.open([held], NOW + policy.ASKED_FOR) == [held]
        assert lately.open([held], NOW) == [held], "it has been forgotten"

    def test_another_crew_or_a_longer_wait_is_another_question(self) -> None:
        lately, held = Lately(), Held(due(uuid4(), 20), 480)
        lately.note([held], NOW)
        moved = held._replace(visit=held.visit._replace(crew_id=uuid4()))
        longer, as_long = held._replace(waited_s=600), held._replace(waited_s=599)
        assert lately.open([moved, longer, as_long], NOW) == [moved, longer]


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

    def test_two_orders_ahead_are_enough(self) -> None:
        crew = uuid4()
        candidates, capacity = open_choices([due(crew, 10)], {crew: Hands(ahead=2)}, NOW)
        assert candidates == [] and capacity == {str(crew): 0}


class TestOtherChoices:
    def test_hand_overs_are_paired_as_a_whole(self) -> None:
        """Neither the nearest crew of each nor the greatest saving first finds this pairing."""
        x, y, a, b = uuid4(), uuid4(), uuid4(), uuid4()
        offers = {x: saving({a: 1000, b: 950}), y: saving({a: 900, b: 100})}
        assert dispatch.choose_commits(*other_choices(offers)) == {str(x): str(b), str(y): str(a)}

    def test_no_crew_gets_two(self) -> None:
        x, y, a = uuid4(), uuid4(), uuid4()
        chosen = dispatch.choose_commits(*other_choices({x: saving({a: 1}), y: saving({a: 900})}))
        assert chosen == {str(y): str(a)}
