"""Customers, premises and buildings on the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.geo import PlaceIn, PlaceOut
from app.core.texts import Code, Line, Phone
from app.customers.arrival_codes import said_by
from app.customers.models import ArrivalCode
from app.web.wire import Body, Out

FlagKind = Literal["arrears", "suspension", "alteration", "vulnerable", "key_customer"]
Language = Literal["zh", "en"]
Zone = Literal["urban", "rural", "remote"]
Phones = Annotated[list[Phone], Field(min_length=1, max_length=10)]
PremisesIds = Annotated[list[UUID], Field(min_length=1, max_length=100)]


class FlagOut(Out):
    """What the agent must know at once."""

    kind: FlagKind
    note: str
    since: datetime


class PremisesOut(Out):
    """A room, or a whole building, with where it is and what is flagged."""

    id: UUID
    building_id: UUID
    station_id: UUID
    address: str
    """The building's whole line; `unit` and `room` come on top."""
    unit: str
    room: str
    community: str
    place: PlaceOut
    zone: Zone
    flags: list[FlagOut]


class OrderGlanceOut(Out):
    """An order as the screen pop shows it; `/work-orders/{id}` tells the rest."""

    id: UUID
    serial: str
    state: str
    fault_code: str
    fault_group: str
    service_class: str
    premises_id: UUID | None
    reported_at: datetime
    due_at: datetime | None
    urges: int


class CustomerOut(Out):
    """A customer with phones and premises in the caller's scope."""

    id: UUID
    customer_no: str
    name: str
    language: str
    phones: list[str]
    version: int
    premises: list[PremisesOut]


class CustomerCardOut(CustomerOut):
    """The screen pop: who calls, what is flagged, what is open, what was."""

    repeat_call: bool
    """An order of theirs is open: this call is probably about it (DOMAIN I06, I07)."""
    open_orders: list[OrderGlanceOut]
    history: list[OrderGlanceOut]
    """The last 20 that ended, newest first."""


class CustomerIn(Body):
    """A new customer of premises that are on record."""

    customer_no: Code
    name: Line
    language: Language = "zh"
    phones: Phones
    premises_ids: PremisesIds


class CustomerPatch(Body):
    """Contact data to change; a field left out stays, `phones` replaces all."""

    version: int
    name: Line | None = None
    language: Language | None = None
    phones: Phones | None = None

    @model_validator(mode="after")
    def _nothing_is_nulled(self) -> Self:
        if any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("leave a field out to keep it; null is no value here")
        return self


class BuildingOut(Out):
    """A building that the search found."""

    id: UUID
    station_id: UUID
    community: str
    district: str
    number: str
    address: str
    zone: Zone
    place: PlaceOut


class BuildingIn(Body):
    """A new building; the station follows from the place."""

    community: Line
    district: Line
    number: Line
    address: Line
    """The whole line people search for."""
    zone: Zone = "urban"
    place: PlaceIn


class PremisesIn(Body):
    """A room of a building; both empty means the whole building."""

    unit: Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    room: Annotated[str, Field(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class HolderOut(Out):
    """Who holds the premises."""

    id: UUID
    customer_no: str
    name: str


class HeldPremisesOut(Out):
    """Premises of a building, with flags and holders."""

    id: UUID
    unit: str
    room: str
    flags: list[FlagOut]
    customers: list[HolderOut]


class FlagIn(Body):
    """A flag to set."""

    kind: FlagKind
    note: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class ArrivalCodeIn(Body):
    """Where a new code will be stuck."""

    kind: Literal["building", "box"] = "building"
    label: Line


class ArrivalCodeOut(Out):
    """A QR code that counts at its building."""

    id: UUID
    building_id: UUID
    kind: Literal["building", "box"]
    label: str
    said: str
    """What to print as a QR code, word for word."""
    created_at: datetime

    @classmethod
    def of(cls, row: ArrivalCode) -> Self:
        return cls(**row.model_dump(include=set(cls.model_fields)), said=said_by(row.token))
