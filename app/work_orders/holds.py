"""The hold table of DOMAIN section 7: what each reason needs, how long it lasts, what follows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.catalogue.policies import HoldRule
from app.core import clock
from app.core.permissions import Role
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.work_orders import repository
from app.work_orders.errors import HoldProofMissing, HoldTooLong, NotYourRole
from app.work_orders.models import Approval, WorkOrder, WorkOrderEvent
from app.work_orders.states import Action


@dataclass(frozen=True, slots=True)
class Proof:
    """What a hold rests on: its kind, and the number or words under which it is found."""

    kind: str
    reference: str

    def said(self) -> dict[str, str]:
        return {"proof": self.kind, "proof_reference": self.reference}


async def rule_of(session: AsyncSession, reason: str) -> HoldRule:
    """The line of the table; raises InvalidInput for a reason that is none."""
    holds = (await catalogue.policy(session)).rules.holds
    if reason not in holds:
        raise InvalidInput("crew busy or the shift's end is no hold", reasons=sorted(holds))
    return holds[reason]


async def check(
    session: AsyncSession, order: WorkOrder, reason: str, until: datetime, proof: Proof | None
) -> None:
    """Raises InvalidInput, HoldProofMissing, and HoldTooLong counting earlier holds of the reason.

    Otherwise a hold of three days would last for ever by being asked for again.
    """
    rule = await rule_of(session, reason)
    if proof is None or proof.kind != rule.proof:
        raise HoldProofMissing(needs=rule.proof, reason=reason)
    now = clock.now()
    if until <= now:
        raise InvalidInput("a hold ends in the future")
    used = held_so_far(await repository.events(session, order.id), reason)
    latest = now + rule.longest - used
    if until > latest:
        raise HoldTooLong(longest_s=rule.longest_s, latest=latest.isoformat())


def held_so_far(events: Iterable[WorkOrderEvent], reason: str) -> timedelta:
    """How long the order was held for this reason before."""
    total, since = timedelta(), None
    for event in events:
        if event.action == Action.HELD.value and event.payload["reason"] == reason:
            since = event.at
        elif since is not None and event.to_state != event.from_state:
            total, since = total + max(timedelta(), event.at - since), None
    return total


async def approver(
    session: AsyncSession, order: WorkOrder, approval: Approval, principal: Principal
) -> Role:
    """The role by which this person decides the hold; raises NotYourRole.

    Since a request went up for want of a decision, the company's manager decides it as well.
    """
    allowed = (await rule_of(session, approval.detail["reason"])).approved_by
    if approval.escalated_at is not None:
        allowed |= {Role.MANAGER}
    held = allowed & principal.roles_at(order.station_id)
    if not held:
        raise NotYourRole(action=Action.HELD.value, roles=sorted(allowed))
    return min(held, key=list(Role).index)


async def effects_of(session: AsyncSession, reason: str) -> dict[str, Any]:
    """What the event tells of the clocks, so that they can be folded again from it."""
    policy = await catalogue.policy(session)
    return {"clocks": dict(policy.rules.holds[reason].clocks), "policy_id": str(policy.id)}
