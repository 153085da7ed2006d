"""One command tried on its order: when it happened, what came of it, what is doubtful."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Permission, Role
from app.core.problems import Problem
from app.core.scope import Principal
from app.identity.models import Device
from app.mobile import clocks, conflicts, flags, policy, repository, rules
from app.mobile.commands import Result, carry_out, measured
from app.mobile.conflicts import Conflict
from app.mobile.errors import RecordStands
from app.mobile.flags import Doubt
from app.mobile.policy import Corrected
from app.mobile.schemas import CommandIn
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder

TOLD_TO_CHIEF = frozenset({"back_dated", "future_time", "instant_accept"})
"""Doubts about the time of one act; a clock that is off is told once a day, by itself."""


@dataclass(slots=True)
class Tried:
    """What came of a command; `problem` says why it was not, or not wholly, applied."""

    command: CommandIn
    order: WorkOrder | None = None
    when: Corrected | None = None
    result: Result = None
    problem: Problem | None = None
    conflict: Conflict | None = None
    doubts: list[str] = field(default_factory=list)


async def attempt(
    session: AsyncSession, principal: Principal, device: Device, command: CommandIn
) -> Tried:
    """Try it in a savepoint, as the technician who sent it; a Problem is an outcome, not raised.

    What the state does not allow becomes a conflict, if the order was ever in the technician's
    crew's hands; anything else that is refused stays a refusal.
    """
    tried = Tried(command)
    numbers = await rules.in_force(session)
    try:
        order = await work_orders.locked(session, principal, Permission.PHONE, command.order_id)
        tried.order = order
        earliest = await repository.crews_last_act(session, order.id, principal.crew_ids)
        tried.when = await _when(session, device, command, earliest, numbers)
        tried.doubts = _doubts(command, tried.when, earliest)
        async with session.begin_nested():
            act, said = _acted(principal, command, tried.when.at, tried.doubts)
            tried.result = await carry_out(session, order, command, act, said, numbers)
    except Problem as problem:
        tried.problem = problem
    if tried.order is not None:
        await session.refresh(tried.order)
    if tried.when is None:
        tried.when = await _when(session, device, command, None, numbers)
    if tried.result and tried.result.get("differing"):
        tried.problem = RecordStands(fields=tried.result["differing"])
    if tried.problem is not None:
        tried.conflict = await conflicts.judged(session, principal, command, tried.problem)
    if tried.problem is None or tried.conflict is not None:
        await _flag(session, principal, command, tried)
    return tried


async def carry_out_late(
    session: AsyncSession,
    actor: Principal,
    order: WorkOrder,
    command: CommandIn,
    when: Corrected,
    decided: dict[str, str],
) -> Result:
    """Carry a command out after a person decided so: in its technician's name, at its own time.

    Raises the Problem of whoever refuses.
    """
    numbers = await rules.in_force(session)
    act, said = _acted(actor, command, when.at, list(when.doubts))
    return await carry_out(session, order, command, act, said | decided, numbers)


async def _when(
    session: AsyncSession,
    device: Device,
    command: CommandIn,
    earliest: datetime | None,
    numbers: rules.Rules,
) -> Corrected:
    steady = (command.steady.boot_id, command.steady.uptime_ms) if command.steady else None
    return await clocks.time_of(session, device, command.client_at, steady, earliest, numbers)


def _doubts(command: CommandIn, when: Corrected, earliest: datetime | None) -> list[str]:
    doubts = list(when.doubts)
    if command.kind == "accept" and earliest and when.at - earliest < policy.INSTANT:
        doubts.append("instant_accept")
    return doubts


def _acted(
    principal: Principal, command: CommandIn, at: datetime, doubts: list[str]
) -> tuple[Act, dict[str, Any]]:
    said: dict[str, Any] = {"command_id": str(command.id)}
    if doubts:
        said["doubts"] = doubts
    act = Act(
        kind="user",
        at=at,
        principal=principal,
        role=Role.TECHNICIAN,
        client_at=command.client_at,
        device_id=principal.device_id,
        place=measured(command.place),
    )
    return act, said


async def _flag(
    session: AsyncSession, principal: Principal, command: CommandIn, tried: Tried
) -> None:
    """Tell the chief of the order's station what is doubtful about the act."""
    assert tried.when is not None
    times: dict[str, Any] = {
        "kind": command.kind,
        "client_at": command.client_at.isoformat(),
        "claimed_at": tried.when.claimed.isoformat(),
        "corrected_at": tried.when.at.isoformat(),
    }
    found = [Doubt(name, times) for name in tried.doubts if name in TOLD_TO_CHIEF]
    if tried.problem is None and command.kind == "arrive":
        found += _doubts_of_arrival(tried.result or {}, command)
    if command.place is not None and command.place.mock:
        found.append(Doubt("mock_place", {"kind": command.kind}))
    station_id: UUID | None = tried.order.station_id if tried.order else None
    for doubt in found:
        await flags.put(
            session,
            principal,
            station_id,
            doubt,
            str(command.id),
            order_id=tried.order.id if tried.order else None,
            command_id=command.id,
        )


def _doubts_of_arrival(result: dict[str, Any], command: CommandIn) -> list[Doubt]:
    found = []
    if result.get("proved") is None:
        accuracy_m = command.place.accuracy_m if command.place else None
        data = {"distance_m": result.get("distance_m"), "geofence_m": result.get("geofence_m")}
        found.append(Doubt("arrival_unproved", data | {"accuracy_m": accuracy_m}))
    if result.get("code_elsewhere"):
        found.append(Doubt("code_elsewhere", {"distance_m": result.get("distance_m")}))
    if result.get("code_unplaced"):
        found.append(Doubt("code_unplaced", {"seen_m": result.get("seen_m")}))
    return found
