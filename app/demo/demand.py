"""A city made of the addresses where people really called, with how often they did."""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

from app.demo.areas import padded, robust_bounds, with_stations
from app.demo.city import Building, City, Compound, LonLat, rounded

_COLUMNS = {"borough", "zip", "address", "lat", "lon", "complaints"}
_FEWEST = 3
_DOORS = 4
_NUMBER = re.compile(r"^(\d[\d\-/ ]*[A-Z]?)\s+(.+)$")


@dataclass(frozen=True, slots=True)
class _Address:
    zip_code: str
    text: str
    place: LonLat
    complaints: int


def places_from_demand(path: Path, area: str, n_orders: int, seed: int) -> City:
    """The addresses of borough `area` in the complaints file, weighted by their complaints.

    Rows of one address are added up and stand where most complaints were placed; the outermost 1 %
    is dropped as misplaced. Every building gets dwellings enough for the share of `n_orders` that
    its weight will draw. Raises ValueError for an area without addresses or a file that lacks a
    column (year, borough, zip, address, lat, lon, complaints).
    """
    complaints = _complaints(path, area)
    if len(complaints) < _FEWEST:
        raise ValueError(f"{path.name} holds fewer than {_FEWEST} addresses in {area!r}")
    bounds = robust_bounds([address.place for address in complaints])
    west, south, east, north = bounds
    kept = [
        address
        for address in complaints
        if west <= address.place[0] <= east and south <= address.place[1] <= north
    ]
    per_complaint = n_orders / sum(address.complaints for address in kept)
    compounds = _compounds(Random(f"demand-{seed}"), kept, area, per_complaint)
    box = padded(bounds)
    placed, stations = with_stations(compounds, box)
    name = area.title()
    return City(name, name, box, (), (), (), placed, stations, language="en")


def _complaints(path: Path, area: str) -> list[_Address]:
    """Zip code, address, place and complaints, each address once."""
    found: dict[tuple[str, str], dict[LonLat, int]] = defaultdict(lambda: defaultdict(int))
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = _COLUMNS - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path.name} lacks the columns {', '.join(sorted(missing))}")
        for row in reader:
            if row["borough"].casefold() == area.casefold():
                place = rounded(float(row["lon"]), float(row["lat"]))
                address = " ".join(row["address"].split())
                found[row["zip"], address][place] += int(row["complaints"])
    return [
        _Address(*key, max(places, key=lambda place: (places[place], place)), sum(places.values()))
        for key, places in sorted(found.items())
    ]


def _compounds(
    random: Random, addresses: list[_Address], area: str, per_complaint: float
) -> list[Compound]:
    """The addresses of one street in one postal district are one compound."""
    streets: dict[tuple[str, str], list[tuple[str, _Address]]] = defaultdict(list)
    for address in addresses:
        match = _NUMBER.match(address.text)
        number, street = (match[1], match[2]) if match else (address.text, address.text)
        streets[address.zip_code, street].append((number, address))
    compounds = []
    for index, ((zip_code, street), houses) in enumerate(sorted(streets.items()), start=1):
        key = f"D{index:05d}"
        buildings = tuple(
            _building(random, f"{key}-{n}", number, address, per_complaint)
            for n, (number, address) in enumerate(houses, start=1)
        )
        name = f"{street.title()} {zip_code}"
        compounds.append(Compound(key, name, area.title(), street.title(), houses[0][0], buildings))
    return compounds


def _building(
    random: Random, key: str, number: str, address: _Address, per_complaint: float
) -> Building:
    """Three to six floors, more where the calls that will be drawn need more homes."""
    needed = int(2 * address.complaints * per_complaint) + 2
    floors = max(random.randint(3, 6), -(-needed // _DOORS))
    compound = key.rpartition("-")[0]
    lon, lat = address.place
    weight = float(address.complaints)
    return Building(key, compound, number, 1, floors, _DOORS, lon, lat, "", weight=weight)
