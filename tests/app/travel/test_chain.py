"""A crew's way through its orders: pure rules."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.planning import policy as planning
from app.planning.snapshot import Rest
from app.travel import policy
from app.travel.chain import CrewDay, Leg, Start, Stop, arrivals
from routing import Place

NOW = datetime(2026, 1, 15, 1, 0, tzinfo=UTC)
HERE, NORTH, SOUTH = Place(117.0, 36.60), Place(117.0, 36.70), Place(117.0, 36.50)
MINUTE = timedelta(minutes=1)
DRIVE_S, WORK_S = 600, 3600


def leg(here: Place, there: Place) -> Leg:
    return Leg(0 if here == there else DRIVE_S, "osrm")


def stop(state: str, place: Place = NORTH, **facts: Any) -> Stop:
    return Stop(
        order_id=facts.pop("order_id", uuid4()),
        crew_id=facts.pop("crew_id", UUID(int=1)),
        station_id=UUID(int=2),
        state=state,
        service_class=facts.pop("service_class", "H3"),
        place=place,
        building=facts.pop("building", None),
        service_s=WORK_S,
        assigned_at=facts.pop("assigned_at", NOW - 30 * MINUTE),
        **facts,
    )


def day(*stops: Stop, seen: datetime | None = NOW, **facts: Any) -> CrewDay:
    start = Start("position", HERE, seen)
    return CrewDay(crew_id=UUID(int=1), start=start, stops=stops, **facts)


def minutes(found: list[Any]) -> list[float]:
    return [(each.arrive_at - NOW) / MINUTE for each in found]


class TestOrder:
    def test_a_crew_goes_in_the_planners_order(self) -> None:
        late = stop("ACCEPTED", SOUTH, assigned_at=NOW)
        early = stop("ACCEPTED", NORTH)
        danger = stop("ACCEPTED", HERE, service_class="E1", assigned_at=NOW)
        sent = stop("SENT", HERE, assigned_at=NOW - 60 * MINUTE)
        found = arrivals(day(late, sent, early, danger), NOW, leg)
        assert [each.stop for each in found] == [danger, early, late, sent]
        assert [each.stops_before for each in found] == [0, 1, 2, 3]

    def test_each_order_waits_for_the_work_before_it(self) -> None:
        first, second = stop("ACCEPTED"), stop("ACCEPTED", SOUTH, assigned_at=NOW)
        found = arrivals(day(first, second), NOW, leg)
        work = (planning.SETUP_S + WORK_S) / 60
        assert minutes(found) == [10, 10 + work + 10]
        assert found[1].depart_at == NOW + timedelta(minutes=10 + work)

    def test_a_second_order_of_the_building_needs_no_new_door(self) -> None:
        house = uuid4()
        first = stop("ACCEPTED", building=house)
        second = stop("ACCEPTED", building=house, assigned_at=NOW)
        third = stop("ACCEPTED", SOUTH, assigned_at=NOW + MINUTE)
        found = arrivals(day(first, second, third), NOW, leg)
        assert minutes(found)[2] == 10 + planning.SETUP_S / 60 + 120 + 10


class TestOnTheWay:
    def test_the_rest_of_the_drive_counts_from_the_last_position(self) -> None:
        order = stop("ENROUTE", spell_action="departed", spell_at=NOW - 20 * MINUTE)
        found = arrivals(day(order, seen=NOW - 4 * MINUTE), NOW, leg)
        assert minutes(found) == [6]
        assert found[0].depart_at == NOW - 20 * MINUTE

    def test_a_position_from_before_the_departure_counts_from_the_departure(self) -> None:
        order = stop("ENROUTE", spell_action="departed", spell_at=NOW - 2 * MINUTE)
        assert minutes(arrivals(day(order, seen=NOW - 40 * MINUTE), NOW, leg)) == [8]

    def test_who_should_be_there_and_is_not_needs_a_moment_still(self) -> None:
        order = stop("ENROUTE", spell_action="departed", spell_at=NOW - 60 * MINUTE)
        found = arrivals(day(order, seen=NOW - 30 * MINUTE), NOW, leg)
        assert minutes(found) == [policy.LEAST_DRIVE_S / 60]

    def test_work_that_was_left_behind_does_not_hold_up_the_drive(self) -> None:
        left = stop("WORKING", SOUTH, spell_action="started", spell_at=NOW - 50 * MINUTE)
        order = stop("ENROUTE", spell_action="departed", spell_at=NOW - 5 * MINUTE)
        assert minutes(arrivals(day(left, order), NOW, leg)) == [10]

    def test_work_begun_after_the_departure_comes_first(self) -> None:
        order = stop("ENROUTE", spell_action="departed", spell_at=NOW - 50 * MINUTE)
        work = stop("WORKING", SOUTH, spell_action="started", spell_at=NOW - 10 * MINUTE)
        found = arrivals(day(work, order), NOW, leg)
        assert minutes(found) == [50 + 10]
        assert found[0].start.kind == "on_site"


class TestAtWork:
    def test_the_next_order_waits_for_what_is_left(self) -> None:
        work = stop("WORKING", spell_action="started", spell_at=NOW - 45 * MINUTE)
        found = arrivals(day(work, stop("ACCEPTED", SOUTH)), NOW, leg)
        assert minutes(found) == [15 + 10]
        assert found[0].start == Start("on_site", NORTH, NOW - 45 * MINUTE)
        assert found[0].stops_before == 1

    def test_work_that_overruns_lasts_some_minutes_still(self) -> None:
        work = stop("WORKING", spell_action="started", spell_at=NOW - 90 * MINUTE)
        found = arrivals(day(work, stop("ACCEPTED", SOUTH)), NOW, leg)
        assert minutes(found) == [planning.LEAST_REMAINING_S / 60 + 10]


class TestWaiting:
    def test_nobody_comes_before_an_agreed_slot_opens(self) -> None:
        order = stop("ACCEPTED", opens_at=NOW + 120 * MINUTE)
        found = arrivals(day(order), NOW, leg)
        assert minutes(found) == [120]
        assert found[0].depart_at == NOW + 110 * MINUTE

    def test_nobody_comes_before_the_shift(self) -> None:
        found = arrivals(day(stop("ACCEPTED"), begins_at=NOW + 60 * MINUTE), NOW, leg)
        assert minutes(found) == [70]

    def test_waiting_takes_the_doubt_of_the_work_before_away(self) -> None:
        work = stop("WORKING", spell_action="started", spell_at=NOW - 45 * MINUTE)
        soon, later = stop("ACCEPTED", SOUTH), stop("ACCEPTED", SOUTH, opens_at=NOW + 300 * MINUTE)
        doubtful = arrivals(day(work, soon), NOW, leg)[0].variance
        sure = arrivals(day(work, later), NOW, leg)[0].variance
        assert doubtful > sure == policy.travel_variance(DRIVE_S, "osrm")

    def test_a_break_that_comes_is_taken_before_the_drive(self) -> None:
        rest = Rest(NOW + 5 * MINUTE, NOW + 90 * MINUTE, 1800)
        work = stop("WORKING", spell_action="started", spell_at=NOW - 45 * MINUTE)
        found = arrivals(day(work, stop("ACCEPTED", SOUTH), rests=(rest,)), NOW, leg)
        assert minutes(found) == [15 + 30 + 10]

    @pytest.mark.parametrize(("begun", "waits"), [(-20, True), (-5, False)])
    def test_an_open_break_counts_for_who_was_busy_since_before_it(
        self, begun: int, waits: bool
    ) -> None:
        rest = Rest(NOW - 10 * MINUTE, NOW + 90 * MINUTE, 1800)
        work = stop("WORKING", spell_action="started", spell_at=NOW + begun * MINUTE)
        found = arrivals(day(work, stop("ACCEPTED", SOUTH), rests=(rest,)), NOW, leg)
        assert minutes(found) == [60 + begun + 10 + (30 if waits else 0)]

    def test_crews_that_meet_wait_for_the_last(self) -> None:
        together, after = stop("ACCEPTED"), stop("ACCEPTED", SOUTH, assigned_at=NOW)
        late = {together.order_id: NOW + 40 * MINUTE}
        found = arrivals(day(together, after), NOW, leg, late)
        work = (planning.SETUP_S + WORK_S) / 60
        assert minutes(found) == [10, 40 + work + 10]


class TestSpread:
    def test_variances_add_along_the_chain(self) -> None:
        first, second = stop("ACCEPTED"), stop("ACCEPTED", SOUTH, assigned_at=NOW)
        found = arrivals(day(first, second), NOW, leg)
        drive = policy.travel_variance(DRIVE_S, "osrm")
        work = policy.work_variance(planning.SETUP_S + WORK_S)
        assert [each.variance for each in found] == pytest.approx([drive, 2 * drive + work])

    def test_the_percentiles_are_those_of_the_named_error(self) -> None:
        margin = policy.spread(policy.travel_variance(1000, "osrm"))
        assert margin.total_seconds() == pytest.approx(1.2816 * 250, abs=0.5)

    def test_one_estimated_drive_marks_all_that_follow(self) -> None:
        def rough(_: Place, there: Place) -> Leg:
            return Leg(DRIVE_S, "estimate" if there == NORTH else "osrm")

        first = stop("ACCEPTED", SOUTH, assigned_at=NOW - 60 * MINUTE)
        second, third = stop("ACCEPTED"), stop("ACCEPTED", SOUTH, assigned_at=NOW)
        found = arrivals(day(first, second, third), NOW, rough)
        assert [each.source for each in found] == ["osrm", "estimate", "estimate"]
