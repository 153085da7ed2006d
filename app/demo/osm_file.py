"""Writes a city as OpenStreetMap data, so that the real routing engine drives on it."""

from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Way

from app.demo.city import Building, City, Compound, Plane

_FOOTPRINT_M = (26.0, 6.5)
_BUILDING_NODES = 10_000_000


def write_osm(city: City, path: Path) -> None:
    """Writes `path` (`.osm` or `.osm.pbf`, by its name), replacing what is there.

    Streets share nodes where they meet; buildings are closed ways with their address.
    Raises ValueError for a city without streets of its own.
    """
    if not city.streets:
        raise ValueError(f"{city.name} has no streets of its own to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    with osmium.SimpleWriter(str(path), header=_header(city), overwrite=True) as writer:
        _write_nodes(city, writer)
        _write_streets(city, writer)
        way = len(city.streets) + 2
        for number, building in enumerate(city.buildings):
            compound = city.compound_by_id[building.compound]
            tags = _building_tags(building, compound)
            corners = [_BUILDING_NODES + 4 * number + corner for corner in range(4)]
            writer.add_way(Way(id=way + number, nodes=[*corners, corners[0]], tags=tags))


def _header(city: City) -> osmium.io.Header:
    header = osmium.io.Header()
    west, south, east, north = city.bounds
    box = osmium.osm.Box(west, south, east, north)
    header.add_box(box)
    header.set("generator", "paigong")
    return header


def _write_nodes(city: City, writer: osmium.SimpleWriter) -> None:
    """Street nodes from 1, then the river's, then the corners of the buildings."""
    places = [*city.nodes, *city.river]
    for number, place in enumerate(places, start=1):
        writer.add_node(Node(id=number, location=place))
    for number, building in enumerate(city.buildings):
        plane = Plane(*building.location)
        for corner, (east, north) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1))):
            place = plane.to_lonlat(east * _FOOTPRINT_M[0], north * _FOOTPRINT_M[1])
            writer.add_node(Node(id=_BUILDING_NODES + 4 * number + corner, location=place))


def _write_streets(city: City, writer: osmium.SimpleWriter) -> None:
    for number, street in enumerate(city.streets, start=1):
        tags = {"highway": street.road_class}
        if street.name:
            tags["name"] = street.name
        if street.maxspeed_kmh:
            tags["maxspeed"] = str(street.maxspeed_kmh)
        if street.oneway:
            tags["oneway"] = "yes"
        if street.bridge:
            tags |= {"bridge": "yes", "layer": "1"}
        nodes = [node + 1 for node in street.nodes]
        writer.add_way(Way(id=number, nodes=nodes, tags=tags))
    if city.river:
        first = len(city.nodes) + 1
        nodes = list(range(first, first + len(city.river)))
        tags = {"waterway": "river", "name": "澜河"}
        writer.add_way(Way(id=len(city.streets) + 1, nodes=nodes, tags=tags))


def _building_tags(building: Building, compound: Compound) -> dict[str, str]:
    return {
        "building": "apartments",
        "building:levels": str(building.floors),
        "name": f"{compound.name}{building.number}号楼",
        "addr:district": compound.district,
        "addr:place": compound.name,
        "addr:street": compound.road,
        "addr:housenumber": f"{building.number}号楼",
    }
