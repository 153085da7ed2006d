"""From a call to an order: whose premises, which station, a duplicate or not, a serial number."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock, settings
from app.core.chain import GENESIS
from app.core.geo import PlaceIn, point
from app.core.permissions import Permission
from app.core.problems import InvalidInput, NotFound
from app.core.scope import Principal
from app.core.serials import next_serial
from app.customers import service as customers
from app.organisation import service as organisation
from app.organisation.errors import PlaceOutsideArea
from app.organisation.models import Station
from app.work_orders import repository
from app.work_orders.acts import Act
from app.work_orders.errors import CustomerElsewhere, DuplicateReport
from app.work_orders.models import WorkOrder
from app.work_orders.service import check_slot
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition


@dataclass(frozen=True, slots=True)
class Report:
    """What the caller said, before it is an order."""

    channel: str
    caller_name: str
    caller_phone: str
    fault_code: str
    description: str
    premises_id: UUID | None = None
    customer_id: UUID | None = None
    address: str | None = None
    place: PlaceIn | None = None
    flags: frozenset[str] = field(default_factory=frozenset)
    appointment: tuple[datetime, datetime] | None = None
    force_new_reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Where:
    station: Station
    building_id: UUID | None
    premises_id: UUID | None
    customer_id: UUID | None
    address: str
    location: object
    zone: str
    flags: frozenset[str]


async def take(
    session: AsyncSession, principal: Principal, report: Report, act: Act, *, draft: bool = False
) -> WorkOrder:
    """Make the order of a report, as NEW or as DRAFT.

    Raises DuplicateReport, PlaceOutsideArea, AppointmentInvalid, UnknownFaultCode, NotFound and
    CustomerElsewhere.
    """
    where = await _where(session, principal, report)
    fault = await catalogue.fault(session, report.fault_code)
    if report.appointment is not None:
        check_slot(*report.appointment)
    await _refuse_twin(session, where.premises_id, fault.fault_group, report.force_new_reason)
    profile = await catalogue.current_profile(session)
    day = clock.now().astimezone(settings.current().zone).date()
    starts, ends = report.appointment or (None, None)
    order = WorkOrder(
        serial=await next_serial(session, where.station.code, day),
        state=State.DRAFT.value,
        station_id=where.station.id,
        building_id=where.building_id,
        premises_id=where.premises_id,
        customer_id=where.customer_id,
        channel=report.channel,
        caller_name=report.caller_name,
        caller_phone=report.caller_phone,
        address=where.address,
        location=where.location,
        zone=where.zone,
        fault_code_id=fault.id,
        fault_code=fault.code,
        fault_group=fault.fault_group,
        domain=fault.domain,
        service_class=fault.service_class,
        service_profile_id=profile.id,
        description=report.description,
        flags=sorted(report.flags | where.flags),
        appointment_from=starts,
        appointment_to=ends,
        reported_at=act.at,
        created_by=principal.id,
        last_hash=GENESIS,
    )
    session.add(order)
    await session.flush()
    said = {"channel": report.channel, "fault_code": fault.code}
    if report.force_new_reason:
        said["force_new_reason"] = report.force_new_reason
    await transition(session, order, Action.DRAFTED, act, **said)
    if not draft:
        await transition(session, order, Action.SUBMITTED, act)
    return order


async def submit(
    session: AsyncSession, order: WorkOrder, act: Act, force_new_reason: str | None = None
) -> None:
    """Turn a draft into a new order; a twin may have come since the draft was begun.

    A reason to have both that the draft was begun with still counts. Raises DuplicateReport and
    IllegalTransition.
    """
    if State(order.state) is State.DRAFT:
        begun = (await repository.events(session, order.id))[0].payload
        reason = force_new_reason or begun.get("force_new_reason")
        await _refuse_twin(session, order.premises_id, order.fault_group, reason)
    said = {"force_new_reason": force_new_reason} if force_new_reason else {}
    await transition(session, order, Action.SUBMITTED, act, **said)


async def _where(session: AsyncSession, principal: Principal, report: Report) -> _Where:
    if report.premises_id is not None:
        return await _at_premises(session, principal, report)
    if report.place is None or not report.address:
        raise InvalidInput("give premises_id, or an address together with its location")
    lon, lat = report.place.wgs84()
    station = await organisation.responsible_station(session, lon, lat)
    if not principal.covers(Permission.ORDERS_CREATE, station.id):
        raise PlaceOutsideArea("the place lies in the area of a station outside your scope")
    if report.customer_id is not None:
        await customers.customer(session, principal, Permission.ORDERS_CREATE, report.customer_id)
    return _Where(
        station=station,
        building_id=None,
        premises_id=None,
        customer_id=report.customer_id,
        address=report.address,
        location=point(lon, lat),
        zone=await customers.zone_near(session, lon, lat),
        flags=frozenset(),
    )


async def _at_premises(session: AsyncSession, principal: Principal, report: Report) -> _Where:
    assert report.premises_id is not None
    found = await customers.premises(session, report.premises_id)
    if not principal.covers(Permission.ORDERS_CREATE, found.building.station_id):
        raise NotFound()
    station = await session.get(Station, found.building.station_id)
    assert station is not None
    customer_id = found.customer.id if found.customer else None
    if report.customer_id is not None:
        await customers.customer(session, principal, Permission.ORDERS_CREATE, report.customer_id)
        if not await customers.holds(session, report.customer_id, report.premises_id):
            raise CustomerElsewhere()
        customer_id = report.customer_id
    return _Where(
        station=station,
        building_id=found.building.id,
        premises_id=found.premises.id,
        customer_id=customer_id,
        address=found.address,
        location=found.building.location,
        zone=found.building.zone,
        flags=found.flags & {"vulnerable", "key_customer"},
    )


async def _refuse_twin(
    session: AsyncSession, premises_id: UUID | None, fault_group: str, reason: str | None
) -> None:
    """Offer an open order for the same trouble instead, unless for a reason (DOMAIN I07)."""
    if premises_id is None:
        return
    await repository.serialise_reports(session, f"{premises_id}:{fault_group}")
    twin = await repository.find_open_twin(session, premises_id, fault_group)
    if twin is None or reason:
        return
    raise DuplicateReport(
        f"{twin.serial} is open here",
        order={"id": str(twin.id), "serial": twin.serial, "state": twin.state},
        urge=f"/api/v1/work-orders/{twin.id}/urge",
    )


async def take_rework(
    session: AsyncSession, principal: Principal, original: WorkOrder, act: Act, reason: str
) -> WorkOrder:
    """A new order that points back to the one that did not solve the trouble (transition 17)."""
    station = await session.get(Station, original.station_id)
    assert station is not None
    day = clock.now().astimezone(settings.current().zone).date()
    copied = original.model_dump(
        include={
            *("station_id", "building_id", "premises_id", "customer_id", "caller_name"),
            *("caller_phone", "address", "zone", "fault_code_id", "fault_code", "fault_group"),
            *("domain", "service_class", "flags"),
        }
    )
    profile = await catalogue.current_profile(session)
    order = WorkOrder(
        **copied,
        serial=await next_serial(session, station.code, day),
        state=State.DRAFT.value,
        location=original.location,
        channel="revisit",
        service_profile_id=profile.id,
        description=reason,
        reported_at=act.at,
        created_by=principal.id,
        rework_of=original.id,
        last_hash=GENESIS,
    )
    session.add(order)
    await session.flush()
    said = {"channel": "revisit", "fault_code": order.fault_code, "rework_of": str(original.id)}
    await transition(session, order, Action.DRAFTED, act, **said)
    await transition(session, order, Action.SUBMITTED, act)
    return order
