"""What each kind of command does, in the words of the rooms that own the effect."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import service as completions
from app.completions.record import CompletionIn
from app.core import clock
from app.core.permissions import Permission, Role
from app.core.scope import Principal
from app.mobile import policy, repository
from app.mobile.errors import CommandIncomplete
from app.mobile.schemas import CommandIn, MeasuredPlaceIn
from app.work_orders import approvals
from app.work_orders import service as work_orders
from app.work_orders.acts import Act, MeasuredPlace
from app.work_orders.bodies import SlotIn
from app.work_orders.models import WorkOrder
from app.work_orders.states import Action
from app.work_orders.transitions import transition


@dataclass(frozen=True, slots=True)
class Doing:
    """A command on its locked order, with whom and when; `said` goes into every event."""

    session: AsyncSession
    order: WorkOrder
    act: Act
    command: CommandIn
    said: dict[str, Any]

    async def take(self, action: Action, **payload: Any) -> None:
        """The transition with what the command said; fields that are None are left out."""
        told = {name: value for name, value in payload.items() if value is not None}
        await transition(self.session, self.order, action, self.act, **(told | self.said))


Result = dict[str, Any] | None
Effect = Callable[[Doing], Awaitable[Result]]


async def carry_out(
    session: AsyncSession, principal: Principal, command: CommandIn, skew_ms: int | None
) -> tuple[WorkOrder, Result]:
    """Do the command as the technician who sent it; raises the Problem of whoever refuses.

    NotFound for an order that no crew of theirs ever held. The event keeps the device's time and
    the corrected one, and what is doubtful about time or place.
    """
    order = await work_orders.locked(session, principal, Permission.PHONE, command.order_id)
    earliest = await repository.crews_last_act(session, order.id, principal.crew_ids)
    when = policy.corrected(command.client_at, skew_ms, earliest, clock.now())
    said: dict[str, Any] = {"command_id": str(command.id)}
    doubts = list(when.doubts)
    if command.kind == "accept" and earliest and when.at - earliest < policy.INSTANT:
        doubts.append("instant_accept")
    if doubts:
        said["doubts"] = doubts
    if command.note:
        said["note"] = command.note
    if command.place is not None:
        said |= _said_of_place(command.place)
    act = Act(
        kind="user",
        at=when.at,
        principal=principal,
        role=Role.TECHNICIAN,
        client_at=command.client_at,
        device_id=principal.device_id,
        place=measured(command.place),
    )
    result = await EFFECTS[command.kind](Doing(session, order, act, command, said))
    return order, result


def measured(place: MeasuredPlaceIn | None) -> MeasuredPlace | None:
    """The place in WGS-84."""
    return MeasuredPlace(*place.wgs84(), place.accuracy_m) if place else None


def _said_of_place(place: MeasuredPlaceIn) -> dict[str, Any]:
    """What a reviewer should know: the position is never the sole proof (DOMAIN section 6)."""
    return {"mock_place": True} if place.mock else {}


def _needed[Value](name: str, value: Value | None) -> Value:
    if value is None:
        raise CommandIncomplete(missing=[name])
    return value


async def _accept(doing: Doing) -> Result:
    await doing.take(Action.ACCEPTED)
    return None


async def _refuse(doing: Doing) -> Result:
    await doing.take(Action.REFUSED, reason=_needed("reason", doing.command.reason))
    return None


async def _contact(doing: Doing) -> Result:
    await doing.take(Action.CONTACTED, reached=_needed("reached", doing.command.reached))
    return None


async def _depart(doing: Doing) -> Result:
    await doing.take(Action.DEPARTED)
    return None


async def _arrive(doing: Doing) -> Result:
    """Check in: the distance is recorded, and outside the geofence does not block."""
    told: dict[str, Any] = {}
    if doing.act.place is not None:
        place, order = doing.act.place, doing.order
        distance_m = await repository.distance_m(doing.session, order.id, place.lon, place.lat)
        told = {"distance_m": distance_m, "geofence_m": policy.GEOFENCE_M[order.zone]}
    await doing.take(Action.ARRIVED, **told)
    return told or None


async def _start(doing: Doing) -> Result:
    guardian_id = doing.command.guardian_id
    await doing.take(
        Action.STARTED,
        guardian_id=str(guardian_id) if guardian_id else None,
        checklist_confirmed=doing.command.checklist_confirmed,
    )
    return None


async def _restore(doing: Doing) -> Result:
    readings = [
        # As text: a float would not come back from the database bit by bit, and events are hashed.
        {**each.model_dump(mode="json", exclude_none=True), "value": str(each.value)}
        for each in doing.command.readings or ()
    ]
    await doing.take(Action.RESTORED, readings=readings or None)
    return None


async def _make_safe(doing: Doing) -> Result:
    await doing.take(Action.MADE_SAFE)
    return None


async def _return(doing: Doing) -> Result:
    await doing.take(Action.RETURNED, reason=_needed("reason", doing.command.reason))
    return None


async def _hold(doing: Doing) -> Result:
    """Ask for a hold; the desk approves, and the work goes on until then."""
    command = doing.command
    approval = await approvals.request_hold(
        doing.session,
        doing.order,
        doing.act,
        reason=_needed("hold_reason", command.hold_reason),
        until=_needed("until", command.until),
        note=_needed("reason", command.reason),
    )
    return {"approval_id": str(approval.id)}


async def _rebook(doing: Doing) -> Result:
    slot: SlotIn = _needed("appointment", doing.command.appointment)
    await work_orders.rebook(
        doing.session,
        doing.order,
        doing.act,
        starts=slot.starts_at,
        ends=slot.ends_at,
        reason=_needed("reason", doing.command.reason),
    )
    return None


async def _complete(doing: Doing) -> Result:
    record: CompletionIn = _needed("completion", doing.command.completion)
    written = await completions.complete(doing.session, doing.order, doing.act, record)
    return {"completion_id": str(written.id)}


EFFECTS: dict[str, Effect] = {
    "accept": _accept,
    "refuse": _refuse,
    "contact": _contact,
    "depart": _depart,
    "arrive": _arrive,
    "start": _start,
    "restore": _restore,
    "make_safe": _make_safe,
    "hold": _hold,
    "return": _return,
    "rebook": _rebook,
    "complete": _complete,
}
