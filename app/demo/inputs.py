"""The demo's day from one seed: city, people, crews, calls, and its fingerprint."""

from dataclasses import dataclass
from datetime import datetime

from app.demo.calls import Call
from app.demo.city import City
from app.demo.load import LoadFigures
from app.demo.people import Crew, Customer, StaffMember, Technician


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
