"""Lost phones over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity import devices
from app.identity.access import allow, allow_once
from app.identity.schemas import OwnedDeviceOut, RevocationIn
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import problem_responses

router = APIRouter(tags=["devices"], route_class=TransactionalRoute)
Chief = Annotated[Principal, allow_once(P.DEVICES_WRITE)]


@router.get("/me/devices")
async def list_my_devices(
    principal: Annotated[Principal, allow(P.SELF)], session: Session
) -> list[OwnedDeviceOut]:
    """One's own phones, the last heard of first."""
    return [OwnedDeviceOut.of(each) for each in await devices.own(session, principal)]


@router.post("/me/devices/{device_id}/revocation", responses=problem_responses(404, 409))
async def revoke_my_device(
    principal: Annotated[Principal, allow_once(P.SELF)],
    session: Session,
    device_id: UUID,
    body: RevocationIn,
) -> OwnedDeviceOut:
    """One's own phone was lost: its sign-ins end with their next request."""
    done = await devices.revoke(session, principal, device_id, body.reason, own_only=True)
    return OwnedDeviceOut.of(done)


@router.get("/devices")
async def list_devices(
    principal: Annotated[Principal, allow(P.DEVICES_WRITE)],
    session: Session,
    user_id: UUID | None = None,
) -> list[OwnedDeviceOut]:
    """Phones of people in scope, the last heard of first, at most 500."""
    return [OwnedDeviceOut.of(each) for each in await devices.listed(session, principal, user_id)]


@router.post("/devices/{device_id}/revocation", responses=problem_responses(404, 409))
async def revoke_device(
    principal: Chief, session: Session, device_id: UUID, body: RevocationIn
) -> OwnedDeviceOut:
    """A phone was lost: its sign-ins end with their next request, and pushes stop."""
    done = await devices.revoke(session, principal, device_id, body.reason, own_only=False)
    return OwnedDeviceOut.of(done)


@router.delete("/devices/{device_id}/revocation", responses=problem_responses(404, 409))
async def reinstate_device(principal: Chief, session: Session, device_id: UUID) -> OwnedDeviceOut:
    """The phone was found: people may sign in on it again."""
    return OwnedDeviceOut.of(await devices.reinstate(session, principal, device_id))
