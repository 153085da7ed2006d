"""How much work the day holds against how much the crews can give."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.demo.calls import Call
from app.demo.city import City, distance_m
from app.demo.people import Crew

_OPEN_NEARBY = 3


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """Planned load of a day, in crew-minutes; joint work counts for every crew on it."""

    orders: int
    crews: int
    technicians: int
    mean_work_min: float
    work_min: float
    travel_min: float
    available_min: float
    utilisation: float
    """(work + travel) / available, breaks taken off."""

    def sentence(self) -> str:
        """The figures as the demo prints them."""
        return (
            f"{self.orders} orders for {self.technicians} technicians in {self.crews} crews: "
            f"mean work {self.mean_work_min:.1f} crew-min, work {self.work_min:.0f} + travel "
            f"{self.travel_min:.0f} of {self.available_min:.0f} crew-min, "
            f"utilisation {self.utilisation:.0%}"
        )


def measure_load(
    city: City, calls: Sequence[Call], crews: Sequence[Crew], hours: float
) -> LoadFigures:
    """The load of `calls` on `crews` between opening and `hours` later."""
    orders = [call for call in calls if call.twist != "repeat_call"]
    work_min = sum(call.work_s * call.crews_needed for call in orders) / 60
    travel_min = sum(_travel_s(city, orders).values()) / 60
    available_min = sum(hours * 60 - crew.break_s / 60 for crew in crews)
    return LoadFigures(
        orders=len(orders),
        crews=len(crews),
        technicians=sum(crew.size for crew in crews),
        mean_work_min=round(work_min / len(orders), 2),
        work_min=round(work_min, 1),
        travel_min=round(travel_min, 1),
        available_min=round(available_min, 1),
        utilisation=round((work_min + travel_min) / available_min, 4),
    )


def _travel_s(city: City, orders: list[Call]) -> dict[int, float]:
    """A guess at the drive to each order: from the nearest of the last three of its station.

    Seconds from straight metres by the estimate T = 1.17 d^0.77 of ROUTING.
    """
    recent = {station.code: [(station.lon, station.lat)] for station in city.stations}
    drives: dict[int, float] = {}
    for call in orders:
        building = city.building_by_id[call.building_id]
        near = recent[building.station_code]
        gap_m = min(distance_m(place, building.location) for place in near[-_OPEN_NEARBY:])
        drives[call.number] = call.crews_needed * 1.17 * gap_m**0.77
        near.append(building.location)
    return drives
