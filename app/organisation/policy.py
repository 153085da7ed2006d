"""Pure rules: what can be an area or a shift, and why a crew is not offered work."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shapely import MultiPolygon, Polygon, is_valid_reason
from shapely.errors import ShapelyError
from shapely.geometry import shape

from app.organisation.capability import Capability
from app.organisation.errors import AreaNotValid, ShiftNotValid

LONGEST_SHIFT = timedelta(hours=24)
WIDEST_AREA_DEG = 10.0
"""No repair company's area spans more; a wider one has bad corners."""


def area_of(geojson: dict[str, Any]) -> MultiPolygon:
    """The area that a GeoJSON Polygon or MultiPolygon describes; raises AreaNotValid."""
    try:
        drawn = shape(geojson)
    except (ShapelyError, TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise AreaNotValid(why="it is no GeoJSON geometry") from error
    return checked_area(drawn)


def checked_area(drawn: Any) -> MultiPolygon:
    """`drawn` as a MultiPolygon of sane lon/lat; raises AreaNotValid with `why`."""
    if isinstance(drawn, Polygon):
        drawn = MultiPolygon([drawn])
    if not isinstance(drawn, MultiPolygon) or drawn.is_empty:
        raise AreaNotValid(why="it is neither a Polygon nor a MultiPolygon")
    if drawn.has_z:
        raise AreaNotValid(why="heights are not allowed")
    west, south, east, north = drawn.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise AreaNotValid(why="corners must be [lon, lat] in degrees")
    if abs(west) < 1 and abs(south) < 1:
        raise AreaNotValid(why="a corner lies at 0,0")
    if max(east - west, north - south) > WIDEST_AREA_DEG:
        raise AreaNotValid(why=f"it is wider than {WIDEST_AREA_DEG:g} degrees")
    if not drawn.is_valid:
        raise AreaNotValid(why=is_valid_reason(drawn))
    return drawn


def check_shift(
    starts_at: datetime, ends_at: datetime, breaks: Sequence[tuple[datetime, datetime, int]]
) -> None:
    """Raises ShiftNotValid; a break is (from, to, duration_s): a window and the rest in it."""
    if not timedelta(0) < ends_at - starts_at <= LONGEST_SHIFT:
        raise ShiftNotValid("it must end after its start and within 24 hours")
    reached = starts_at
    for opens, closes, duration_s in sorted(breaks):
        if opens < reached or closes > ends_at or closes <= opens:
            raise ShiftNotValid("a break lies outside the shift or overlaps another")
        if not 0 < duration_s <= (closes - opens).total_seconds():
            raise ShiftNotValid("a break lasts longer than its window")
        reached = closes


def obstacles(
    crew: Capability, needs: dict[str, int], crew_size: int
) -> list[tuple[str, str | None, int | None, int | None]]:
    """Why a crew is not offered work: (code, skill, needed, held); empty when it is.

    `needs` is skill -> members who must hold it; what must hold at dispatch is DOMAIN section 7,
    transition 4.
    """
    found: list[tuple[str, str | None, int | None, int | None]] = []
    standing = {
        "inactive": not crew.active,
        "no_members": crew.size == 0,
        "off_shift": not crew.on_shift,
        "offline": not crew.online,
    }
    found += [(code, None, None, None) for code, wrong in standing.items() if wrong]
    if crew.size < crew_size:
        found.append(("crew_too_small", None, crew_size, crew.size))
    for skill, needed in sorted(needs.items()):
        held = crew.skills.get(skill, 0)
        if held < needed:
            lapsed = held + crew.expired.get(skill, 0) >= needed
            code = "certificate_expired" if lapsed else "skill_missing"
            found.append((code, skill, needed, held))
    return found
