"""Guards that this room can judge itself; `app/wiring.py` registers them."""

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.models import FaultCode
from app.core import clock
from app.core.permissions import Role
from app.organisation import service as organisation
from app.organisation.service import Capability
from app.work_orders import effects
from app.work_orders.acts import Act
from app.work_orders.errors import (
    CertificateExpired,
    CrewNotQualified,
    EmergencyNotRefusable,
    LeaderOnly,
    NotYours,
    SafetyGateClosed,
)
from app.work_orders.models import WorkOrder


async def fault_of(session: AsyncSession, order: WorkOrder) -> FaultCode:
    """The order's fault as the catalogue stood at intake."""
    fault = await session.get(FaultCode, order.fault_code_id)
    assert fault is not None
    return fault


def shortcomings(fault: FaultCode, crew: Capability) -> list[dict[str, Any]]:
    """What a crew lacks for a fault: size, and holders of valid certificates per skill."""
    missing: list[dict[str, Any]] = []
    if crew.size < fault.crew_size:
        missing.append({"what": "crew_size", "needs": fault.crew_size, "has": crew.size})
    for need in fault.skills:
        held = crew.skills.get(need["skill"], 0)
        if held < need["count"]:
            missing.append(
                {"what": "skill", "skill": need["skill"], "needs": need["count"], "has": held}
            )
    return missing


async def assignee(
    session: AsyncSession, order: WorkOrder, act: Act, _payload: dict[str, Any]
) -> None:
    """The order is still with a crew of the technician who acts."""
    crew_id = await effects.current_crew_id(session, order)
    if act.principal is None or crew_id is None or crew_id not in act.principal.crew_ids:
        raise NotYours(state=order.state)


async def assignee_or_desk(
    session: AsyncSession, order: WorkOrder, act: Act, payload: dict[str, Any]
) -> None:
    """A technician must hold the order; the desk need not."""
    if act.role is Role.TECHNICIAN:
        await assignee(session, order, act, payload)


async def leader(
    session: AsyncSession, order: WorkOrder, act: Act, _payload: dict[str, Any]
) -> None:
    """Who acts leads the crew that holds the order."""
    crew = await _crew(session, order)
    technician_id = act.principal.technician_id if act.principal else None
    if not any(m.role == "leader" and m.technician_id == technician_id for m in crew.members):
        raise LeaderOnly()


async def refusable(
    _session: AsyncSession, order: WorkOrder, _act: Act, _payload: dict[str, Any]
) -> None:
    """Danger is not refused by the crew (DOMAIN section 6)."""
    if order.service_class == "E1":
        raise EmergencyNotRefusable()


async def safety_gate(
    session: AsyncSession, order: WorkOrder, act: Act, payload: dict[str, Any]
) -> None:
    """Levels 3 and 4 need a guardian of the crew and the confirmed checklist."""
    fault = await fault_of(session, order)
    if fault.safety_level < 3:
        return
    crew = await _crew(session, order)
    missing = []
    guardian = payload.get("guardian_id")
    worker = act.principal.technician_id if act.principal else None
    candidates = {str(m.technician_id) for m in crew.members if m.technician_id != worker}
    if guardian not in candidates:
        missing.append("guardian_id: a member of the crew other than the leader")
    if payload.get("checklist_confirmed") is not True:
        missing.append("checklist_confirmed")
    if missing:
        raise SafetyGateClosed(safety_level=fault.safety_level, missing=missing)


async def certificates_valid(
    session: AsyncSession, order: WorkOrder, _act: Act, _payload: dict[str, Any]
) -> None:
    """No certificate that the work needs has run out since it was dispatched (DOMAIN section 6).

    Size and presence were the dispatcher's to judge, and are not asked again.
    """
    crew = await _crew(session, order)
    expired = [
        each
        for each in shortcomings(await fault_of(session, order), crew)
        if each["what"] == "skill" and crew.expired.get(each["skill"])
    ]
    if expired:
        raise CertificateExpired(crew_id=str(crew.crew_id), missing=expired)


async def crew_qualified(
    session: AsyncSession, order: WorkOrder, _act: Act, payload: dict[str, Any]
) -> None:
    """Skill, certificate and size always; on line unless a dispatcher overrides with a reason.

    Being on line is asked for at dispatch only (DOMAIN transition 4).
    """
    crew = await organisation.capability(session, UUID(payload["crew_id"]), clock.now())
    missing = shortcomings(await fault_of(session, order), crew)
    if not crew.active:
        missing.append({"what": "active"})
    if not crew.online and not (payload.get("override_offline") and payload.get("reason")):
        missing.append({"what": "online"})
    if missing:
        raise CrewNotQualified(crew_id=str(crew.crew_id), missing=missing)


async def _crew(session: AsyncSession, order: WorkOrder) -> Capability:
    crew_id = await effects.current_crew_id(session, order)
    if crew_id is None:
        raise NotYours(state=order.state)
    return await organisation.capability(session, crew_id, clock.now())
