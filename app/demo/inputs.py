"""The demo's day from one seed: city, people, crews, calls, and its fingerprint."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta, timezone
from random import Random

from app.demo.calls import Call, make_calls
from app.demo.city import Building, City
from app.demo.draw import draw_by_weight
from app.demo.load import LoadFigures, measure_load
from app.demo.people import (
    MOST_CUSTOMERS,
    Crew,
    Customer,
    StaffMember,
    Technician,
    make_crews,
    make_customers,
    make_staff,
)

DEMO_DAY = date(2027, 1, 13)
"""A Wednesday in the heating season."""
COMPANY_ZONE = timezone(timedelta(hours=8))
"""One company, one zone: also over a foreign map, so that 07:00 is a morning for pay and plans."""
CREWS_PER_STATION = 10
MOST_ORDERS = 4_000
_HIGHEST_UTILISATION = 0.85
_NEIGHBOURS = 4


@dataclass(frozen=True)
class Inputs:
    """One day of one city. Equal arguments give equal inputs, to the last byte."""

    seed: int
    opens_at: datetime
    """07:00 local time, with offset; every `offset_s` counts from here."""
    hours: float
    city: City
    customers: tuple[Customer, ...]
    technicians: tuple[Technician, ...]
    crews: tuple[Crew, ...]
    staff: tuple[StaffMember, ...]
    calls: tuple[Call, ...]
    load: LoadFigures
    inputs_sha256: str
    """SHA-256 of the canonical JSON of everything above except `load`."""

    def called_at(self, call: Call) -> datetime:
        """When the call comes in, in business time."""
        return self.opens_at + timedelta(seconds=call.offset_s)


def build_inputs(
    city: City, *, seed: int, orders: int = 80, hours: float = 4.0, day: date = DEMO_DAY
) -> Inputs:
    """The day of `seed` in `city`: `orders` orders called within 85 % of `hours`.

    Three stations of ten crews; when that many crews would be more than 85 % busy, more are formed.
    Raises ValueError for orders or hours out of range.
    """
    if not 1 <= orders <= MOST_ORDERS or not 0.5 <= hours <= 24:
        raise ValueError(f"1-{MOST_ORDERS} orders within 0.5-24 hours, not {orders} in {hours}")
    customers = _customers(seed, city, orders)
    calls = make_calls(Random(f"calls-{seed}"), customers[:orders], hours)
    technicians, crews, load = _staffed(seed, city, calls, hours, day)
    staff = make_staff(Random(f"staff-{seed}"), city)
    opens_at = datetime.combine(day, time(7), COMPANY_ZONE)
    everything = (seed, opens_at, hours, city, customers, technicians, crews, staff, calls)
    return Inputs(*everything, load=load, inputs_sha256=fingerprint(everything))


def _customers(seed: int, city: City, orders: int) -> tuple[Customer, ...]:
    """The callers first, drawn by the weight of their building, then neighbours who stay quiet."""
    random = Random(f"customers-{seed}")
    weights = [building.weight for building in city.buildings]
    drawn = [city.buildings[n] for n in draw_by_weight(random, weights, orders)]
    quiet = min(max(400, _NEIGHBOURS * orders), MOST_CUSTOMERS - orders)
    room = sum(building.dwellings for building in city.buildings) - orders
    others: list[Building] = random.choices(city.buildings, k=max(0, min(quiet, room // 2)))
    return tuple(make_customers(random, city, [*drawn, *others]))


def _staffed(
    seed: int, city: City, calls: tuple[Call, ...], hours: float, day: date
) -> tuple[tuple[Technician, ...], tuple[Crew, ...], LoadFigures]:
    """The usual roster, or the smallest larger one that keeps utilisation at 85 %."""
    crews_per_station = CREWS_PER_STATION
    while True:
        technicians, crews = make_crews(
            Random(f"crews-{seed}"), city, day, hours, crews_per_station
        )
        load = measure_load(city, calls, crews, hours)
        if load.utilisation <= _HIGHEST_UTILISATION:
            return technicians, crews, load
        crews_per_station += 1


def fingerprint(value: object) -> str:
    """SHA-256 over canonical JSON: sorted keys, no spaces, UTF-8, times in ISO 8601."""
    text = json.dumps(
        value, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)  # type: ignore[call-overload]
    raise TypeError(f"{type(value).__name__} has no canonical form")
