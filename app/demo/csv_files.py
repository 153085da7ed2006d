"""The day as files for `paigong import customers|technicians|demand FILE.csv`."""

import csv
from collections.abc import Iterable
from pathlib import Path

from app.demo.inputs import Inputs

CUSTOMER_COLUMNS = [
    "customer_no",
    "name",
    "phone",
    "phone2",
    "station_code",
    "community",
    "district",
    "road",
    "road_number",
    "building",
    "unit",
    "room",
    "lon",
    "lat",
    "datum",
    "zone",
    "flags",
    "language",
]
TECHNICIAN_COLUMNS = [
    "employee_no",
    "name",
    "username",
    "phone",
    "station_code",
    "crew_code",
    "crew_role",
    "skills",
]
DEMAND_COLUMNS = [
    "called_at",
    "customer_no",
    "caller_name",
    "caller_phone",
    "fault_code",
    "description",
    "flags",
]


def write_csvs(inputs: Inputs, directory: Path) -> dict[str, Path]:
    """Writes customers.csv, technicians.csv and demand.csv; returns their paths by kind.

    UTF-8, one header row, lists joined by `|`, `called_at` in ISO 8601 with offset. Repeat calls
    are in demand.csv too: they are what people really did.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tables = {
        "customers": (CUSTOMER_COLUMNS, _customer_rows(inputs)),
        "technicians": (TECHNICIAN_COLUMNS, _technician_rows(inputs)),
        "demand": (DEMAND_COLUMNS, _demand_rows(inputs)),
    }
    paths = {}
    for kind, (columns, rows) in tables.items():
        paths[kind] = directory / f"{kind}.csv"
        with paths[kind].open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    return paths


def _customer_rows(inputs: Inputs) -> Iterable[list[str]]:
    city = inputs.city
    for one in inputs.customers:
        building = city.building_by_id[one.building_id]
        compound = city.compound_by_id[building.compound]
        yield [
            one.customer_no, one.name, one.phone, one.phone2, building.station_code,
            compound.name, compound.district, compound.road, compound.road_number,
            building.number, one.unit, one.room, f"{building.lon:.7f}", f"{building.lat:.7f}",
            "wgs84", building.zone, "|".join(one.flags), city.language,
        ]  # fmt: skip


def _technician_rows(inputs: Inputs) -> Iterable[list[str]]:
    for one in inputs.technicians:
        skills = "|".join(f"{skill}:{ends.isoformat()}" for skill, ends in one.skills)
        yield [
            one.employee_no, one.name, one.username, one.phone, one.station_code,
            one.crew_code, one.crew_role, skills,
        ]  # fmt: skip


def _demand_rows(inputs: Inputs) -> Iterable[list[str]]:
    for call in inputs.calls:
        yield [
            inputs.called_at(call).isoformat(), call.customer_no, call.caller_name,
            call.caller_phone, call.fault_code, call.description, "|".join(call.flags),
        ]  # fmt: skip
