"""What each kind of command does, in the words of the rooms that own the effect."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import contributions
from app.completions import service as completions
from app.completions.merging import Merged
from app.completions.record import CompletionIn
from app.customers import arrival_codes
from app.mobile import policy, repository
from app.mobile.errors import CommandIncomplete
from app.mobile.rules import Rules
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
    numbers: Rules

    async def take(self, action: Action, **payload: Any) -> None:
        """The transition with what the command said; fields that are None are left out."""
        told = {name: value for name, value in payload.items() if value is not None}
        await transition(self.session, self.order, action, self.act, **(told | self.said))


Result = dict[str, Any] | None
Effect = Callable[[Doing], Awaitable[Result]]


async def carry_out(
    session: AsyncSession,
    order: WorkOrder,
    command: CommandIn,
    act: Act,
    said: dict[str, Any],
    numbers: Rules,
) -> Result:
    """Do the command on a locked order; raises the Problem of whoever refuses.

    `said` goes into the event: the command's id, what is doubtful about its time.
    """
    if command.note:
        said["note"] = command.note
    if command.place is not None:
        said |= _said_of_place(command.place)
    return await EFFECTS[command.kind](Doing(session, order, act, command, said, numbers))


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
    """Check in: what proves it is recorded; unproved it counts, and wants a photo and a look."""
    place, order, numbers = doing.act.place, doing.order, doing.numbers
    distance_m = None
    if place is not None:
        distance_m = await repository.distance_m(doing.session, order.id, place.lon, place.lat)
    code_id = await arrival_codes.code_at(
        doing.session, order.building_id, doing.command.arrival_code
    )
    proof = policy.arrival_proof(
        distance_m=distance_m,
        accuracy_m=place.accuracy_m if place else None,
        mock=doing.command.place is not None and doing.command.place.mock,
        code_fits=code_id is not None,
        geofence_m=numbers.geofence_m(order.zone),
        worst_accuracy_m=numbers["worst_accuracy_m"],
        code_elsewhere_m=numbers["code_elsewhere_m"],
    )
    told = {
        "proved": proof.proved,
        "distance_m": proof.distance_m,
        "geofence_m": proof.geofence_m,
        "photo_wanted": proof.proved is None,
        "code_elsewhere": proof.code_elsewhere,
    }
    if proof.proved == "code" and place is None:
        # A copied code works from anywhere, and in a cellar nothing else does: the track tells.
        technician_id = doing.act.principal.technician_id if doing.act.principal else None
        seen_m = await repository.tracked_m(doing.session, order.id, technician_id, doing.act.at)
        told["seen_m"] = seen_m
        told["code_unplaced"] = seen_m is not None and seen_m > numbers["code_elsewhere_m"]
    code = str(code_id) if code_id else None
    await doing.take(Action.ARRIVED, **told, arrival_code_id=code)
    return told


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
        proof=command.proof.proof() if command.proof else None,
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


async def _record(doing: Doing) -> Result:
    """Add to the completion record what this member of the crew noted."""
    assert doing.act.actor_id is not None
    written = await contributions.contribute(
        doing.session,
        doing.order,
        doing.act,
        _needed("contribution", doing.command.contribution),
        user_id=doing.act.actor_id,
        command_id=doing.command.id,
        payload=doing.said,
    )
    return {"contribution_id": str(written.id)}


async def _complete(doing: Doing) -> Result:
    """Complete, or join a colleague's record; `differing` names what cannot join."""
    record: CompletionIn = _needed("completion", doing.command.completion)
    done = await completions.complete_or_merge(
        doing.session, doing.order, doing.act, record, doing.command.id, doing.said
    )
    if isinstance(done, Merged):
        return {
            "completion_id": str(done.standing.id),
            "contribution_id": str(done.contribution.id),
            "differing": list(done.differing),
        }
    return {"completion_id": str(done.id)}


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
    "record": _record,
    "complete": _complete,
}
