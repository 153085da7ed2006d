"""Cars on roads: times at the hidden speeds, kilometres counted once per car, fixes in batches."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from app.core import clock
from app.demo.city import LonLat, Plane
from app.demo.hidden_speeds import hidden_speeds
from app.demo.person import Person, cars, drive
from app.demo.phone import Phone
from app.demo.roads import Roads, free_by_bucket, true_seconds
from routing import (
    CHINA_CITY,
    ROAD_CLASSES,
    EngineFailed,
    HourBucket,
    LegSource,
    NoRoadBetween,
    Place,
    RoadClass,
    Route,
)
from routing.drives import free_seconds

ORIGIN = Plane(117.0, 36.65)
HOME, JOB = ORIGIN.to_lonlat(0, 0), ORIGIN.to_lonlat(3000, 0)
NIGHT = HourBucket.NIGHT
SECONDS = tuple(420.0 if road is RoadClass.PRIMARY else 0.0 for road in ROAD_CLASSES)


class Street:
    """One primary road between any two places."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        if self.failure:
            raise self.failure
        assert depart_at.utcoffset() is not None
        return Route(420, 3000, tuple(points), (420,), LegSource.OSRM, "v", NIGHT, SECONDS)


class Desk:
    """Takes positions as the API would."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.device = None

    async def send(self, method: str, path: str, **request: Any) -> Any:
        assert (method, path) == ("POST", "/mobile/positions")
        self.batches.append(request["json"]["fixes"])
        return self

    def json(self) -> dict[str, int]:
        return {"stored": len(self.batches[-1])}


class QuickClock:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.at = datetime(2027, 1, 13, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickClock]:
    told = QuickClock()

    async def until(at: datetime) -> None:
        told.at = max(told.at, at)

    async def pause(seconds: float) -> None:
        told.at += timedelta(seconds=seconds)

    monkeypatch.setattr(clock, "now", told.now)
    monkeypatch.setattr("app.demo.person.until", until)
    monkeypatch.setattr("app.demo.person.pause", pause)
    random.seed(1)
    yield told


def roads(failure: Exception | None = None) -> Roads:
    engine: Any = Street(failure)
    return Roads(engine, CHINA_CITY, hidden_speeds(1), Random(5))


def person(name: str, place: LonLat = HOME) -> tuple[Person, Desk]:
    desk: Any = Desk()
    phone = Phone(desk, "", Counter(), 600.0, place, technician_id=name)
    return Person(name, phone, pace=1.0), desk


def test_a_drive_takes_what_the_hidden_speed_says() -> None:
    route = Route(450, 3000, (), (450,), LegSource.OSRM, "v", NIGHT, SECONDS)
    true = hidden_speeds(1)
    free_s = free_seconds(CHINA_CITY, NIGHT, SECONDS)
    share = true.factor(NIGHT, RoadClass.PRIMARY) / CHINA_CITY.factor(NIGHT, RoadClass.PRIMARY)
    assert true_seconds(true, route, free_s) == pytest.approx(30 + 420 / share)
    assert true_seconds(CHINA_CITY, route, free_s) == pytest.approx(450)


async def test_a_crew_drives_in_one_car_and_its_metres_count_once(quick: QuickClock) -> None:
    (leader, spoken), (helper, quiet) = person("leader"), person("helper")
    streets, began_at = roads(), quick.at
    await drive([leader, helper], JOB, streets, lambda: None)
    assert leader.phone.place == helper.phone.place == JOB
    assert streets.odometer.metres == pytest.approx(3000)
    assert streets.odometer.drives == 1
    assert streets.odometer.ended_at == quick.at > began_at
    assert len(spoken.batches) >= 2
    assert len(quiet.batches) == 1
    fixes = [fix for batch in spoken.batches for fix in batch]
    told = [datetime.fromisoformat(fix["at"]) for fix in fixes]
    assert told == sorted(set(told))
    assert (told[0], told[-1]) == (began_at, quick.at)
    assert len(quiet.batches[0]) == len(fixes)


async def test_seconds_by_class_are_told_as_they_were_driven(quick: QuickClock) -> None:
    streets = roads()
    await drive([person("a")[0]], JOB, streets, lambda: None)
    told = free_by_bucket(streets.odometer.told())
    assert told == {NIGHT: pytest.approx(free_seconds(CHINA_CITY, NIGHT, SECONDS), abs=0.1)}


async def test_members_from_elsewhere_come_in_a_car_of_their_own(quick: QuickClock) -> None:
    (leader, _), (guest, heard) = person("leader"), person("guest", ORIGIN.to_lonlat(0, 900))
    assert [len(car) for car in cars([leader, guest])] == [1, 1]
    streets = roads()
    await drive([leader, guest], JOB, streets, lambda: None)
    assert streets.odometer.metres == pytest.approx(6000)
    assert guest.phone.place == JOB
    assert heard.batches


async def test_a_withdrawn_order_ends_the_drive_on_the_way(quick: QuickClock) -> None:
    class Withdrawn(Exception):
        pass

    def gone() -> None:
        raise Withdrawn

    leader, _ = person("leader")
    streets = roads()
    with pytest.raises(Withdrawn):
        await drive([leader], JOB, streets, gone)
    assert 0 < streets.odometer.metres < 3000
    assert leader.phone.place not in (HOME, JOB)


@pytest.mark.parametrize("failure", [NoRoadBetween("an island"), EngineFailed("no map")])
async def test_without_a_road_the_straight_line_leads_there(
    quick: QuickClock, failure: Exception
) -> None:
    leader, spoken = person("leader")
    streets = roads(failure)
    await drive([leader], JOB, streets, lambda: None)
    assert leader.phone.place == JOB
    assert (streets.odometer.off_road, streets.odometer.metres) == (1, 0)
    assert spoken.batches


async def test_a_phone_without_a_signal_keeps_its_fixes(quick: QuickClock) -> None:
    leader, spoken = person("leader")
    leader.phone.offline = True
    await drive([leader], JOB, roads(), lambda: None)
    assert spoken.batches == []
    leader.phone.offline = False
    await leader.phone.send_fixes()
    assert len(spoken.batches) == 1
    await leader.phone.send_fixes()
    assert len(spoken.batches) == 1
