"""Places on the wire and in the database: converted once, at the edge."""

from typing import Self

from geoalchemy2 import WKTElement
from pydantic import BaseModel, ConfigDict, Field, model_validator

from routing import Datum, to_wgs84


class PlaceIn(BaseModel):
    """A point as a client measured it, with the datum it was measured in."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    """Degrees east."""
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    """Degrees north."""
    datum: Datum = Datum.WGS84
    """Chinese phones report gcj02, Baidu bd09."""

    @model_validator(mode="after")
    def _not_null_island(self) -> Self:
        if abs(self.lon) < 1 and abs(self.lat) < 1:
            raise ValueError("0,0 is no place: send the measured position")
        return self

    def wgs84(self) -> tuple[float, float]:
        """(lon, lat) in WGS-84 degrees."""
        lon, lat = to_wgs84(self.lon, self.lat, self.datum)
        return float(lon), float(lat)

    def element(self) -> WKTElement:
        """The WGS-84 point for a geography column."""
        return point(*self.wgs84())


class PlaceOut(BaseModel):
    """A WGS-84 point."""

    lon: float
    lat: float


def point(lon: float, lat: float) -> WKTElement:
    """A WGS-84 point for a geography column, from degrees."""
    return WKTElement(f"POINT({lon:.7f} {lat:.7f})", srid=4326)
