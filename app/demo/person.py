"""A technician in the flesh: at one place, doing one thing at a time."""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.core import clock
from app.demo.city import distance_m
from app.demo.journey import Journey, fix_moments
from app.demo.pace import pause, until
from app.demo.phone import LonLat, Phone
from app.demo.roads import Roads

_REPORT_EVERY_S = 240.0
_SEND_EVERY_S = (120.0, 180.0)
_SAME_CAR_M = 150.0


@dataclass(slots=True)
class Person:
    """A technician with a phone; `pace` is how slow this driver is (1: as the estimate says)."""

    technician_id: str
    phone: Phone
    pace: float
    road_pace: float = 1.0
    """The same on real roads, where the streets have a pace of their own."""
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


def drive_s(start: LonLat, end: LonLat, pace: float) -> float:
    """Seconds of driving: a minute, and the city estimate of straight metres, times `pace`."""
    return pace * (60.0 + 1.17 * math.pow(distance_m(start, end), 0.77))


async def drive(
    people: Sequence[Person], end: LonLat, roads: Roads | None, go_on: Callable[[], object]
) -> None:
    """Drive to `end`: who is at one place shares a car; returns when the last car is there.

    `go_on` is asked on the way; what it raises ends the drive where it is.
    """
    if roads is None:
        await _straight(people, end, go_on)
        return
    await _all_of([_drive_car(car, end, roads, go_on) for car in cars(people)])


def cars(people: Sequence[Person]) -> list[list[Person]]:
    """Who rides together: people within 150 m of a driver, the first person's car first."""
    found: list[list[Person]] = []
    for person in people:
        for car in found:
            if distance_m(car[0].phone.place, person.phone.place) <= _SAME_CAR_M:
                car.append(person)
                break
        else:
            found.append([person])
    return found


async def _drive_car(
    car: Sequence[Person], end: LonLat, roads: Roads, go_on: Callable[[], object]
) -> None:
    began_at = clock.now()
    driver = car[0]
    journey = await roads.journey(driver.phone.place, end, began_at, driver.road_pace)
    if journey is None:
        await _straight(car, end, go_on)
        return
    told_s = 0.0
    while told_s < journey.taken_s:
        next_s = min(told_s + random.uniform(*_SEND_EVERY_S), journey.taken_s)
        await until(began_at + timedelta(seconds=next_s))
        _ride(car, journey, began_at, (told_s, next_s), roads)
        if next_s < journey.taken_s:
            await driver.phone.send_fixes()
        told_s = next_s
        go_on()
    for person in car:
        person.phone.place = end
    await asyncio.gather(*(person.phone.send_fixes() for person in car))


def _ride(
    car: Sequence[Person],
    journey: Journey,
    began_at: datetime,
    span_s: tuple[float, float],
    roads: Roads,
) -> None:
    """Everybody's phone measures on its own; only the driver's speaks on the way."""
    moments = list(fix_moments(*span_s, roads.random))
    for moment in [0.0, *moments] if span_s[0] == 0 else moments:
        for person in car:
            person.phone.place = journey.place_at(moment)
            person.phone.measure(began_at + timedelta(seconds=moment))
    roads.odometer.add(journey, *span_s)


async def _straight(people: Sequence[Person], end: LonLat, go_on: Callable[[], object]) -> None:
    """Drive together without roads, from where the first one is.

    The straight line leads over hills and rivers, where no car is; so phones tell the nearer end.
    """
    start = people[0].phone.place
    total_s = drive_s(start, end, people[0].pace)
    legs = max(1, math.ceil(total_s / _REPORT_EVERY_S))
    for leg in range(1, legs + 1):
        await pause(total_s / legs)
        place = end if 2 * leg >= legs else start
        for person in people:
            await person.phone.report_place(place)
        go_on()


async def _all_of(doing: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; the first exception ends the others and comes as it is."""
    tasks = [asyncio.ensure_future(each) for each in doing]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
