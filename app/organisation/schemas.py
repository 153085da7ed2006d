"""Stations on the wire; people and shifts are in `crew_schemas`."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.geo import PlaceIn, PlaceOut
from app.core.texts import Code, Line
from app.organisation.models import Station
from app.organisation.places import place_out, rings_of
from app.organisation.settlement import Settled
from app.web.wire import Body, Out

Degrees = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Position = Annotated[list[Degrees], Field(min_length=2, max_length=2)]
Ring = Annotated[list[Position], Field(min_length=4, max_length=5000)]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=50)]


class PolygonArea(Body):
    """A GeoJSON Polygon: rings of [lon, lat], the outer one first, WGS-84."""

    type: Literal["Polygon"]
    coordinates: Rings


class MultiPolygonArea(Body):
    """A GeoJSON MultiPolygon of [lon, lat], WGS-84."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=50)]


AreaIn = Annotated[PolygonArea | MultiPolygonArea, Field(discriminator="type")]


class StationIn(Body):
    """A new station."""

    code: Code
    name: Line
    parent_id: UUID | None = None
    """Without a parent it is a root, which only the company's administrator may found."""
    area: AreaIn | None = None
    place: PlaceIn | None = None
    """Where its crews start."""
    contractor: bool = False
    """It and all below it belong to a contractor; the company's administration decides that."""
    settlement_unit: Code | None = None
    """Under which code it and all below it are paid, as the company decides; null: as above."""


class StationPatch(Body):
    """What changes; a field left out stays, an `area` or `settlement_unit` of null goes."""

    version: int
    name: Line | None = None
    area: AreaIn | None = None
    place: PlaceIn | None = None
    contractor: bool | None = None
    settlement_unit: Code | None = None

    @model_validator(mode="after")
    def _some_are_kept(self) -> Self:
        for name in ("name", "contractor"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it")
        return self


class AreaOut(Out):
    """A GeoJSON MultiPolygon, WGS-84 [lon, lat]."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: list[list[list[list[float]]]]


class StationOut(Out):
    """A station in the tree."""

    id: UUID
    code: str
    name: str
    parent_id: UUID | None
    path: str
    """Codes from the root, `/CO/N/S01/`."""
    area: AreaOut | None
    place: PlaceOut | None
    contractor: bool
    """As said of this station itself."""
    settlement_unit: str | None
    """As said of this station itself."""
    effective_contractor: bool
    """This station, or one above it, is a contractor's."""
    effective_settlement_unit: str
    """Its own unit, else the nearest above, else the root's code."""
    version: int

    @classmethod
    def of(cls, station: Station, settled: Settled) -> Self:
        """The wire form; geography columns become GeoJSON."""
        return cls(
            id=station.id,
            code=station.code,
            name=station.name,
            parent_id=station.parent_id,
            path=station.path,
            area=None if station.area is None else AreaOut(coordinates=rings_of(station.area)),
            place=None if station.location is None else place_out(station.location),
            contractor=station.contractor,
            settlement_unit=station.settlement_unit,
            effective_contractor=settled.contractor,
            effective_settlement_unit=settled.settlement_unit,
            version=station.version,
        )
