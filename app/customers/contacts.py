"""Writing customers: a new one, and corrected contact data."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit
from app.core.permissions import Permission as P
from app.core.problems import NotFound, StaleVersion
from app.core.scope import Principal, scoped
from app.customers import cards, repository
from app.customers.errors import CustomerNumberTaken
from app.customers.models import Building, Customer, CustomerPhone, Occupancy
from app.customers.policy import normal_phone


async def add_customer(
    session: AsyncSession,
    principal: Principal,
    *,
    customer_no: str,
    name: str,
    language: str,
    phones: list[str],
    premises_ids: list[UUID],
) -> Customer:
    """A customer of premises in scope; raises NotFound or CustomerNumberTaken."""
    for each in set(premises_ids):
        await premises_in_scope(session, principal, P.CUSTOMERS_WRITE, each)
    added = Customer(customer_no=customer_no, name=name, language=language)
    try:
        async with session.begin_nested():
            session.add(added)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != "23505":
            raise
        raise CustomerNumberTaken(customer_no=customer_no) from error
    _add_phones(session, added.id, phones)
    session.add_all(
        Occupancy(customer_id=added.id, premises_id=each) for each in dict.fromkeys(premises_ids)
    )
    await audit.record(session, principal, "created", "customer", added.id)
    await session.flush()
    return added


async def change_contact(
    session: AsyncSession,
    principal: Principal,
    customer_id: UUID,
    version: int,
    *,
    name: str | None = None,
    language: str | None = None,
    phones: list[str] | None = None,
) -> Customer:
    """Change what is given, on this version; raises NotFound or StaleVersion."""
    await cards.customer(session, principal, P.CUSTOMERS_WRITE, customer_id)
    held = await session.get_one(
        Customer, customer_id, with_for_update=True, populate_existing=True
    )
    if held.version != version:
        raise StaleVersion(version=held.version)
    held.name = name or held.name
    held.language = language or held.language
    held.version += 1
    session.add(held)
    if phones is not None:
        await session.execute(
            delete(CustomerPhone).where(col(CustomerPhone.customer_id) == customer_id)
        )
        _add_phones(session, customer_id, phones)
    given = {"name": name, "language": language, "phones": phones}
    changed = sorted(field for field, value in given.items() if value is not None)
    await audit.record(session, principal, "changed", "customer", customer_id, fields=changed)
    await session.flush()
    return held


async def premises_in_scope(
    session: AsyncSession, principal: Principal, permission: P, premises_id: UUID
) -> Building:
    """The building of premises within the caller's scope; raises NotFound."""
    row = await repository.premises_place(session, premises_id)
    if row is None:
        raise NotFound()
    scope = scoped(principal, permission, Building.station_id)
    building = await repository.building_in(session, row[1].id, scope)
    if building is None:
        raise NotFound()
    return building


def _add_phones(session: AsyncSession, customer_id: UUID, phones: list[str]) -> None:
    for each in dict.fromkeys(normal_phone(phone) for phone in phones):
        session.add(CustomerPhone(customer_id=customer_id, phone=each))
