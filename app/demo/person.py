"""A technician in the flesh: at one place, doing one thing at a time."""

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from app.demo.city import distance_m
from app.demo.pace import pause
from app.demo.phone import LonLat, Phone

_REPORT_EVERY_S = 240.0


@dataclass(slots=True)
class Person:
    """A technician with a phone; `pace` is how slow this driver is (1: as the estimate says)."""

    technician_id: str
    phone: Phone
    pace: float
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


def drive_s(start: LonLat, end: LonLat, pace: float) -> float:
    """Seconds of driving: a minute, and the city estimate of straight metres, times `pace`."""
    return pace * (60.0 + 1.17 * math.pow(distance_m(start, end), 0.77))


async def drive(people: list[Person], end: LonLat) -> AsyncIterator[LonLat]:
    """Drive together from where the first one is; yields each place on the way, `end` last.

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
        yield place
