"""Stations from a file: the tree with its areas."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import shapely
from geoalchemy2.shape import to_shape
from pydantic import BaseModel
from shapely.errors import ShapelyError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import feed
from app.core.geo import PlaceIn, point
from app.core.i18n import Text
from app.core.texts import Code, Line
from app.organisation.errors import AreaNotValid
from app.organisation.import_files import (
    CORRECT,
    ImportReport,
    Progress,
    checked,
    no_progress,
    read_table,
)
from app.organisation.models import Station
from app.organisation.policy import checked_area
from app.organisation.stations import stored_area

STATION_COLUMNS = ("code", "name", "parent_code", "area_wkt", "lon", "lat")
SETTLEMENT_COLUMNS = ("contractor", "settlement_unit")
"""A file without them leaves what is on record."""
_EXPECTED = {
    "code": Text("填写站点编号，如 S01", "Give the station's code, such as S01"),
    "name": Text("填写站点名称", "Give the station's name"),
    "parent_code": Text("填写上级站点编号", "Give the code of the station above"),
    "lon": Text("填写经度（度，WGS-84）", "Give the longitude in degrees, WGS-84"),
    "lat": Text("填写纬度（度，WGS-84）", "Give the latitude in degrees, WGS-84"),
    "area_wkt": Text(
        "填写 WKT POLYGON 或 MULTIPOLYGON，经度在前",
        "Give a WKT POLYGON or MULTIPOLYGON, lon first",
    ),
    "contractor": Text("填写 yes 或 no，留空为 no", "Give yes or no; empty is no"),
    "settlement_unit": Text(
        "填写结算单元编号，留空则沿用上级", "Give a unit's code; empty takes it from above"
    ),
}


class _Row(BaseModel):
    code: Code
    name: Line
    parent_code: Code | None = None
    area_wkt: str | None = None
    lon: float | None = None
    lat: float | None = None
    contractor: Literal["yes", "no", ""] | None = None
    settlement_unit: Literal[""] | Code | None = None

    def settlement(self) -> dict[str, Any]:
        """What the file says of contractor and settlement unit."""
        said: dict[str, Any] = {}
        if self.contractor is not None:
            said["contractor"] = self.contractor == "yes"
        if self.settlement_unit is not None:
            said["settlement_unit"] = self.settlement_unit or None
        return said


@dataclass
class _Station:
    line: int
    row: _Row
    area: Any
    place: PlaceIn | None


async def import_stations(
    session: AsyncSession, source: Path | str, progress: Progress = no_progress
) -> ImportReport:
    """Found and change stations by code; a file with any error writes nothing.

    `source` is a path or CSV text. Parents may stand anywhere in the file or be on record; a
    station never moves to another parent here, since rows of its subtree would change scope.
    """
    report = ImportReport()
    read = _read(source, report)
    held = {each.code: each for each in (await session.exec(select(Station))).all()}
    ordered = _parents_first(read, held, report)
    if report.errors:
        return report
    for done, each in enumerate(ordered, start=1):
        await _write(session, each, held, report)
        progress(done, len(ordered))
    return report


def _read(source: Path | str, report: ImportReport) -> dict[str, _Station]:
    found: dict[str, _Station] = {}
    for line, cells in read_table(source, STATION_COLUMNS, report, SETTLEMENT_COLUMNS):
        row = checked(cells, line, _Row, report, _EXPECTED)
        if row is None:
            continue
        if row.code in found:
            why = Text("编号重复", f"the code stands on line {found[row.code].line} too")
            report.refuse(line, "code", why, CORRECT)
            continue
        found[row.code] = _Station(line, row, _area(row, line, report), _place(row, line, report))
    return found


def _area(row: _Row, line: int, report: ImportReport) -> Any:
    if row.area_wkt is None:
        return None
    try:
        return checked_area(shapely.from_wkt(row.area_wkt))
    except ShapelyError:
        report.refuse(line, "area_wkt", Text("不是 WKT", "it is no WKT"), _EXPECTED["area_wkt"])
    except AreaNotValid as problem:
        why = Text("辖区多边形无效", str(problem.members["why"]))
        report.refuse(line, "area_wkt", why, _EXPECTED["area_wkt"])
    return None


def _place(row: _Row, line: int, report: ImportReport) -> PlaceIn | None:
    if row.lon is None and row.lat is None:
        return None
    return checked({"lon": row.lon, "lat": row.lat}, line, PlaceIn, report, _EXPECTED)


def _parents_first(
    read: dict[str, _Station], held: dict[str, Station], report: ImportReport
) -> list[_Station]:
    codes_by_id = {each.id: each.code for each in held.values()}
    ordered: dict[str, _Station] = {}
    waiting = dict(read)
    while waiting:
        ready = {
            code: each
            for code, each in waiting.items()
            if each.row.parent_code is None
            or each.row.parent_code in ordered
            or (each.row.parent_code in held and each.row.parent_code not in waiting)
        }
        if not ready:
            break
        ordered |= ready
        waiting = {code: each for code, each in waiting.items() if code not in ready}
    for each in waiting.values():
        why = Text(
            "上级站点不存在或成环", "there is no such station above it, or it is in a circle"
        )
        report.refuse(each.line, "parent_code", why, _EXPECTED["parent_code"])
    for code, each in ordered.items():
        known = held.get(code)
        parent_id = known.parent_id if known else None
        if known and (codes_by_id[parent_id] if parent_id else None) != each.row.parent_code:
            why = Text("不能通过导入更换上级", "an import cannot move it to another parent")
            report.refuse(each.line, "parent_code", why, _EXPECTED["parent_code"])
    return list(ordered.values())


async def _write(
    session: AsyncSession, each: _Station, held: dict[str, Station], report: ImportReport
) -> None:
    parent = held[each.row.parent_code] if each.row.parent_code else None
    known = held.get(each.row.code)
    if known is not None and not _differs(known, each):
        report.count("unchanged")
        return
    row = known or Station(
        code=each.row.code,
        name=each.row.name,
        parent_id=parent.id if parent else None,
        path=f"{parent.path if parent else '/'}{each.row.code}/",
        version=0,
    )
    row.name = each.row.name
    row.area = stored_area(each.area) if each.area is not None else None
    row.location = point(*each.place.wgs84()) if each.place is not None else None
    for name, said in each.row.settlement().items():
        setattr(row, name, said)
    row.version += 1
    session.add(row)
    await session.flush()
    await feed.append(session, "station", row.id, after=[feed.station_token(row.id)])
    held[row.code] = row
    report.count("created" if known is None else "updated")


def _differs(known: Station, each: _Station) -> bool:
    place = shapely.Point(each.place.wgs84()) if each.place is not None else None
    settlement = each.row.settlement()
    return (
        known.name != each.row.name
        or any(getattr(known, name) != said for name, said in settlement.items())
        or not (_same(known.area, each.area) and _same(known.location, place))
    )


def _same(stored: Any, given: Any) -> bool:
    if stored is None or given is None:
        return stored is given
    return bool(shapely.equals_exact(to_shape(stored), given, tolerance=1e-7))
