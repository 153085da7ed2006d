"""Rows of customers.csv: what may stand in them, and what they must agree with."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from pydantic import BaseModel, BeforeValidator, Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.i18n import Text
from app.core.texts import Code, Line, Phone
from app.customers.policy import FLAGS, address_line, normal_phone
from app.organisation.import_files import CORRECT, ImportReport
from app.organisation.models import Station
from routing import Datum, to_wgs84

CUSTOMER_COLUMNS = (
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
)
EXPECTED = {
    "customer_no": Text("填写客户编号", "Give the customer's number"),
    "name": Text("填写客户名称", "Give the customer's name"),
    "phone": Text("填写可拨打的号码", "Give a number that can be dialled"),
    "phone2": Text("填写可拨打的号码或留空", "Give a number that can be dialled, or nothing"),
    "station_code": Text(
        "先导入站点，再填写其编号", "Import the station first, then give its code"
    ),
    "community": Text("填写小区名称", "Give the community's name"),
    "building": Text("填写楼号", "Give the building's number"),
    "lon": Text("填写经度（度）", "Give the longitude in degrees"),
    "lat": Text("填写纬度（度）", "Give the latitude in degrees"),
    "datum": Text("填写 wgs84、gcj02 或 bd09", "Give wgs84, gcj02 or bd09"),
    "zone": Text("填写 urban、rural 或 remote", "Give urban, rural or remote"),
    "flags": Text("用 | 分隔：" + "、".join(FLAGS), "Join by |: " + ", ".join(FLAGS)),
    "language": Text("填写 zh 或 en", "Give zh or en"),
}
SAME_BUILDING_DEG = 0.001
"""Two rows of one building may differ by this much, about 100 m: two measurements."""

Short = Annotated[Line, Field(max_length=40)]


def _flags(value: object) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(part.strip() for part in str(value).split("|")))
    if unknown := [flag for flag in named if flag not in FLAGS]:
        raise ValueError(f"there is no flag {unknown[0]}")
    return named


class CustomerRow(BaseModel):
    """One line of customers.csv: a customer in one dwelling."""

    customer_no: Code
    name: Line
    phone: Phone
    phone2: Phone | None = None
    station_code: Code
    community: Line
    district: Line | Literal[""] = ""
    road: Line | Literal[""] = ""
    road_number: Short | Literal[""] = ""
    building: Short
    unit: Short | Literal[""] = ""
    room: Short | Literal[""] = ""
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    datum: Datum = Datum.WGS84
    zone: Literal["urban", "rural", "remote"] = "urban"
    flags: Annotated[tuple[str, ...], BeforeValidator(_flags)] = ()
    language: Literal["zh", "en"] = "zh"

    @property
    def building_key(self) -> tuple[str, str, str]:
        return (self.community, self.district, self.building)

    @property
    def premises_key(self) -> tuple[str, str, str, str, str]:
        return (*self.building_key, self.unit, self.room)

    @property
    def phones(self) -> list[str]:
        return [normal_phone(each) for each in (self.phone, self.phone2) if each]

    def address(self) -> str:
        """The whole line people search for."""
        if self.language == "zh":
            number = f"{self.road_number}号" if self.road_number.isdigit() else self.road_number
            tower = f"{self.building}号楼" if self.building.isdigit() else self.building
        else:
            number, tower = self.road_number, self.building
        return address_line(
            [self.district, self.road, number, self.community, tower], self.language
        )


@dataclass
class PlacedRow:
    """A row with its line in the file and its place in WGS-84 degrees."""

    line: int
    row: CustomerRow
    lon: float = 0.0
    lat: float = 0.0


def place_rows(rows: list[PlacedRow]) -> None:
    """Convert each row's pair once, whole arrays per datum."""
    for datum in Datum:
        given = [each for each in rows if each.row.datum is datum]
        if not given:
            continue
        lons, lats = to_wgs84(
            np.array([each.row.lon for each in given]),
            np.array([each.row.lat for each in given]),
            datum,
        )
        for each, lon, lat in zip(given, lons.tolist(), lats.tolist(), strict=True):
            each.lon, each.lat = lon, lat


async def check_stations(
    session: AsyncSession, rows: list[PlacedRow], report: ImportReport
) -> dict[str, UUID]:
    """Every station is on record and every place lies in some station's area; ids by code."""
    stations = (await session.exec(select(Station))).all()
    ids = {each.code: each.id for each in stations}
    for each in rows:
        if each.row.station_code not in ids:
            why = Text("站点不存在", "there is no such station")
            report.refuse(each.line, "station_code", why, EXPECTED["station_code"])
    areas = [to_shape(each.area) for each in stations if each.area is not None]
    _check_places(rows, shapely.union_all(areas), report)
    return ids


def _check_places(rows: list[PlacedRow], company: shapely.Geometry, report: ImportReport) -> None:
    shapely.prepare(company)
    points = shapely.points([(each.lon, each.lat) for each in rows]) if rows else []
    for each, inside in zip(rows, shapely.covers(company, points), strict=True):
        if inside:
            continue
        action = Text("请核对经纬度与坐标系", "Check longitude, latitude and datum")
        if shapely.covers(company, shapely.Point(each.lat, each.lon)):
            action = Text("经纬度似乎颠倒，请对调", "Exchange lon and lat: they seem swapped")
        why = Text("位置不在任何站点的辖区内", "the place lies outside every station's area")
        report.refuse(each.line, "lon", why, action)


def check_agreement(rows: list[PlacedRow], report: ImportReport) -> None:
    """One name per customer, one station and place per building, one line per dwelling."""
    customers: dict[str, PlacedRow] = {}
    buildings: dict[tuple[str, ...], PlacedRow] = {}
    dwellings: dict[tuple[str, ...], PlacedRow] = {}
    for each in rows:
        row = each.row
        first = customers.setdefault(row.customer_no, each)
        if (first.row.name, first.row.language) != (row.name, row.language):
            _disagree(each, first, "customer_no", report)
        first = buildings.setdefault(row.building_key, each)
        if not _one_building(first, each):
            _disagree(each, first, "building", report)
        first = dwellings.setdefault((row.customer_no, *row.premises_key), each)
        if first is not each:
            _disagree(each, first, "room", report)


def _one_building(first: PlacedRow, other: PlacedRow) -> bool:
    near = (
        abs(first.lon - other.lon) <= SAME_BUILDING_DEG
        and abs(first.lat - other.lat) <= SAME_BUILDING_DEG
    )
    return near and first.row.station_code == other.row.station_code


def _disagree(each: PlacedRow, first: PlacedRow, column: str, report: ImportReport) -> None:
    why = {
        "customer_no": Text("同一客户编号名称或语言不同", "the same customer with another name"),
        "building": Text("同一楼栋站点或位置不同", "the same building elsewhere"),
        "room": Text("同一客户同一房屋重复", "the same customer and room twice"),
    }[column]
    where = Text(f"{why.zh}（第 {first.line} 行）", f"{why.en} (line {first.line})")
    report.refuse(each.line, column, where, CORRECT)
