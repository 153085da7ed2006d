"""Customers, buildings and flags over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.core.texts import Phone
from app.customers import arrival_codes, buildings, cards, contacts
from app.customers.schemas import (
    ArrivalCodeIn,
    ArrivalCodeOut,
    BuildingIn,
    BuildingOut,
    CustomerCardOut,
    CustomerIn,
    CustomerPatch,
    FlagIn,
    FlagKind,
    FlagOut,
    HeldPremisesOut,
    PremisesIn,
)
from app.identity.access import allow, allow_once
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(tags=["customers"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.CUSTOMERS_READ)]
Writer = Annotated[Principal, allow_once(P.CUSTOMERS_WRITE)]
CodeWriter = Annotated[Principal, allow_once(P.ARRIVAL_CODES_WRITE)]
Words = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]


@router.get("/customers")
async def find_customers(
    principal: Reader,
    session: Session,
    phone: Annotated[Phone, Query(description="The number that calls.")],
) -> list[CustomerCardOut]:
    """The screen pop: everybody with this number, with flags, open orders and history.

    Empty for an unknown number; a shared number answers all who share it.
    """
    found = await cards.cards_by_phone(session, principal, phone)
    return [CustomerCardOut.model_validate(each) for each in found]


@router.get("/customers/{customer_id}", responses=problem_responses(404))
async def get_customer(principal: Reader, session: Session, customer_id: UUID) -> CustomerCardOut:
    """One customer; the read is recorded."""
    return await _card(session, principal, customer_id)


@router.post("/customers", status_code=201, responses=problem_responses(404, 409))
async def create_customer(principal: Writer, session: Session, body: CustomerIn) -> CustomerCardOut:
    """Add a customer of premises that are on record."""
    added = await contacts.add_customer(session, principal, **body.model_dump())
    return await _card(session, principal, added.id)


@router.patch("/customers/{customer_id}", responses=problem_responses(404, 409))
async def change_customer_contact(
    principal: Writer, session: Session, customer_id: UUID, body: CustomerPatch
) -> CustomerCardOut:
    """Correct name, language or phones of the version that was read."""
    await contacts.change_contact(
        session, principal, customer_id, **body.model_dump(exclude_unset=True)
    )
    return await _card(session, principal, customer_id)


@router.get("/buildings")
async def find_buildings(
    principal: Reader,
    session: Session,
    q: Annotated[Words, Query(description="Words of the address, in any order.")],
) -> list[BuildingOut]:
    """At most 50 buildings in scope whose address holds every word, the likest first."""
    found = await buildings.search(session, principal, q)
    return [BuildingOut.model_validate(each) for each in found]


@router.post("/buildings", status_code=201, responses=problem_responses(404, 409))
async def create_building(principal: Writer, session: Session, body: BuildingIn) -> BuildingOut:
    """Add a building; its station is the one whose area holds the place."""
    fields = body.model_dump(exclude={"place"})
    return BuildingOut.model_validate(
        await buildings.add_building(session, principal, **fields, place=body.place)
    )


@router.get("/buildings/{building_id}/premises", responses=problem_responses(404))
async def list_premises(
    principal: Reader, session: Session, building_id: UUID
) -> list[HeldPremisesOut]:
    """The rooms of a building with flags and holders; the read is recorded."""
    found = await buildings.premises_of(session, principal, building_id)
    return [HeldPremisesOut.model_validate(each) for each in found]


@router.post(
    "/buildings/{building_id}/premises", status_code=201, responses=problem_responses(404, 409)
)
async def create_premises(
    principal: Writer, session: Session, building_id: UUID, body: PremisesIn
) -> HeldPremisesOut:
    """Add a room to a building."""
    added = await buildings.add_premises(session, principal, building_id, body.unit, body.room)
    return HeldPremisesOut(id=added.id, unit=added.unit, room=added.room, flags=[], customers=[])


@router.post(
    "/premises/{premises_id}/flags", status_code=201, responses=problem_responses(404, 409)
)
async def set_premises_flag(
    principal: Writer, session: Session, premises_id: UUID, body: FlagIn
) -> FlagOut:
    """Flag premises; open orders keep the flags they were taken with."""
    return FlagOut.model_validate(
        await buildings.set_flag(session, principal, premises_id, body.kind, body.note)
    )


@router.delete(
    "/premises/{premises_id}/flags/{kind}", status_code=204, responses=problem_responses(404)
)
async def end_premises_flag(
    principal: Writer, session: Session, premises_id: UUID, kind: FlagKind
) -> None:
    """End a flag; it stays on record."""
    await buildings.end_flag(session, principal, premises_id, kind)


@router.get("/buildings/{building_id}/arrival-codes", responses=problem_responses(404))
async def list_arrival_codes(
    principal: Annotated[Principal, allow(P.ARRIVAL_CODES_WRITE)],
    session: Session,
    building_id: UUID,
) -> list[ArrivalCodeOut]:
    """The QR codes of a building that count at arrival, to be printed; the read is recorded."""
    found = await arrival_codes.codes_of(session, principal, building_id)
    return [ArrivalCodeOut.of(each) for each in found]


@router.post(
    "/buildings/{building_id}/arrival-codes", status_code=201, responses=problem_responses(404, 409)
)
async def create_arrival_code(
    principal: CodeWriter, session: Session, building_id: UUID, body: ArrivalCodeIn
) -> ArrivalCodeOut:
    """A new QR code for a building or a box in it."""
    made = await arrival_codes.create(session, principal, building_id, body.kind, body.label)
    return ArrivalCodeOut.of(made)


@router.delete("/arrival-codes/{code_id}", status_code=204, responses=problem_responses(404, 409))
async def end_arrival_code(principal: CodeWriter, session: Session, code_id: UUID) -> None:
    """A code that was torn off or copied counts no more."""
    await arrival_codes.end(session, principal, code_id)


async def _card(session: Session, principal: Principal, customer_id: UUID) -> CustomerCardOut:
    return CustomerCardOut.model_validate(await cards.card(session, principal, customer_id))
