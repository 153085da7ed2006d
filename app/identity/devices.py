"""Phones that were lost: found out of use at once, and taken up again when they turn up."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock
from app.core.permissions import Permission as P
from app.core.problems import NotFound
from app.core.scope import Principal
from app.identity import repository, sessions
from app.identity.models import Device, LoginSession, User

MOST_LISTED = 500


class Owned(NamedTuple):
    """A device with whose it is."""

    device: Device
    user: User


async def own(session: AsyncSession, principal: Principal) -> Sequence[Owned]:
    """The caller's own devices, the last heard of first."""
    return await _listed(session, Device.user_id == principal.id)


async def listed(
    session: AsyncSession, principal: Principal, user_id: UUID | None
) -> Sequence[Owned]:
    """Devices of people in scope, or of one of them; at most 500, the last heard of first."""
    stations = principal.stations(P.DEVICES_WRITE)
    people = repository.ids_in_scope(stations, user_id)
    return await _listed(session, col(Device.user_id).in_(people))


async def _listed(session: AsyncSession, where: object) -> Sequence[Owned]:
    query = (
        select(Device, User)
        .join(User, col(User.id) == Device.user_id)
        .where(where)  # type: ignore[arg-type]
        .order_by(col(Device.last_seen_at).desc().nulls_last(), col(Device.id))
        .limit(MOST_LISTED)
    )
    return [Owned(*row) for row in (await session.exec(query)).all()]


async def revoke(
    session: AsyncSession, principal: Principal, device_id: UUID, why: str, *, own_only: bool
) -> Owned:
    """End every sign-in of the device and its pushes; nobody signs in on it from now on.

    An access token of it is refused with its next request. Doing it twice is once. Raises NotFound
    for a device that is neither the caller's own nor, unless `own_only`, of somebody in scope.
    """
    owned = await _reached(session, principal, device_id, own_only=own_only)
    device, now = owned.device, clock.real_now()
    if device.revoked_at is None:
        device.revoked_at, device.revoked_by, device.revoked_why = now, principal.id, why
        await sessions.end_all(
            session, LoginSession.device_id == device_id, why="the device was revoked"
        )
        await repository.bury_push_addresses(session, device_id, now)
        await session.flush()
        told: dict[str, object] = {"user_id": str(device.user_id), "why": why}
        await audit.record(session, principal, "revoked", "device", device_id, **told)
    return owned


async def reinstate(session: AsyncSession, principal: Principal, device_id: UUID) -> Owned:
    """The device was found: people may sign in on it again. Raises NotFound."""
    owned = await _reached(session, principal, device_id, own_only=False)
    device = owned.device
    if device.revoked_at is not None:
        device.revoked_at = device.revoked_by = device.revoked_why = None
        await session.flush()
        await audit.record(session, principal, "reinstated", "device", device_id)
    return owned


async def _reached(
    session: AsyncSession, principal: Principal, device_id: UUID, *, own_only: bool
) -> Owned:
    device = await session.get(Device, device_id, with_for_update=True)
    if device is None:
        raise NotFound()
    if own_only:
        user = await session.get_one(User, device.user_id)
        if user.id != principal.id:
            raise NotFound()
        return Owned(device, user)
    stations = principal.stations(P.DEVICES_WRITE)
    found = await repository.user_in_scope(session, device.user_id, stations)
    if found is None:
        raise NotFound()
    return Owned(device, found)
