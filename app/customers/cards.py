"""Reading customers: the screen pop and the customer file; every read is recorded."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit
from app.core.geo import PlaceOut
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal, scoped
from app.customers import repository
from app.customers.models import AccountFlag, Building, Customer
from app.customers.policy import normal_phone
from app.organisation.places import place_out


@dataclass(frozen=True, slots=True)
class HeldPremises:
    """Premises that a customer holds, with where they are and the flags in force."""

    id: UUID
    building_id: UUID
    station_id: UUID
    address: str
    unit: str
    room: str
    community: str
    place: PlaceOut
    zone: str
    flags: list[AccountFlag]


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """The screen pop of one customer; orders are rows of `repository.orders_of`."""

    id: UUID
    customer_no: str
    name: str
    language: str
    version: int
    phones: list[str]
    premises: list[HeldPremises]
    repeat_call: bool
    open_orders: list[Any]
    history: list[Any]


async def cards_by_phone(
    session: AsyncSession, principal: Principal, phone: str
) -> list[CustomerCard]:
    """Everybody in scope who calls from this number; none when it is unknown."""
    scope = scoped(principal, P.CUSTOMERS_READ, Building.station_id)
    where = repository.calls_from(normal_phone(phone)) & repository.held_in(scope)
    found = await repository.customers(session, where)
    for each in found:
        await audit.record(session, principal, "read", "customer", each.id, by="phone")
    if not found:
        await audit.record(session, principal, "searched", "customer", by="phone", found=0)
    return await _cards(session, principal, found)


async def card(session: AsyncSession, principal: Principal, customer_id: UUID) -> CustomerCard:
    """One customer in scope; raises NotFound."""
    found = await customer(session, principal, P.CUSTOMERS_READ, customer_id)
    await audit.record(session, principal, "read", "customer", found.id, by="id")
    return (await _cards(session, principal, [found]))[0]


async def customer(
    session: AsyncSession, principal: Principal, permission: P, customer_id: UUID
) -> Customer:
    """The customer when premises of theirs lie in the caller's scope; raises NotFound."""
    scope = scoped(principal, permission, Building.station_id)
    where = (col(Customer.id) == customer_id) & repository.held_in(scope)
    found = await repository.customers(session, where)
    if not found:
        raise NotFound()
    return found[0]


async def _cards(
    session: AsyncSession, principal: Principal, found: list[Customer]
) -> list[CustomerCard]:
    if not found:
        return []
    ids = [each.id for each in found]
    scope = scoped(principal, P.CUSTOMERS_READ, Building.station_id)
    held = await repository.held_premises(session, ids, scope)
    premises_ids = {row[1].id for row in held}
    flags = flags_by_premises(await repository.flags_of(session, premises_ids))
    phones = await repository.phones_of(session, ids)
    orders = await repository.orders_of(
        session, ids, premises_ids, principal.stations(P.ORDERS_READ)
    )
    return [
        _card(
            each,
            [phone.phone for phone in phones if phone.customer_id == each.id],
            [_premises(row, flags) for row in held if row[0] == each.id],
            orders,
        )
        for each in found
    ]


def _card(
    who: Customer, phones: list[str], premises: list[HeldPremises], orders: list[Any]
) -> CustomerCard:
    rooms = {each.id for each in premises}
    own = [row for row in orders if row.customer_id == who.id or row.premises_id in rooms]
    still_open = [row for row in own if not row.ended]
    return CustomerCard(
        **who.model_dump(),
        phones=phones,
        premises=premises,
        repeat_call=bool(still_open),
        open_orders=still_open,
        history=[row for row in own if row.ended][: repository.HISTORY],
    )


def flags_by_premises(flags: Iterable[AccountFlag]) -> dict[UUID, list[AccountFlag]]:
    """The flags of each premises."""
    grouped: dict[UUID, list[AccountFlag]] = defaultdict(list)
    for each in flags:
        grouped[each.premises_id].append(each)
    return grouped


def _premises(row: Any, flags: dict[UUID, list[AccountFlag]]) -> HeldPremises:
    _, room, building, community = row
    return HeldPremises(
        id=room.id,
        building_id=building.id,
        station_id=building.station_id,
        address=building.address,
        unit=room.unit,
        room=room.room,
        community=community.name,
        place=place_out(building.location),
        zone=building.zone,
        flags=flags.get(room.id, []),
    )
