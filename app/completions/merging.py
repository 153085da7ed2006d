"""A second record for work that is completed already: what joins, and what contradicts."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.contributions import Contribution, contribute
from app.completions.models import CompletionRecord
from app.completions.record import CompletionIn, ContributionIn, in_steps
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder

ONCE = ("outcome", "cause_code", "permit", "signed_by")
"""Said once about an order, besides the shares and the customer's signature."""
SIGNATURE = "G"


@dataclass(frozen=True, slots=True)
class Merged:
    """The record that stands, what joined it, and the fields of which there can be only one."""

    standing: CompletionRecord
    contribution: Contribution
    differing: tuple[str, ...]


def differing(standing: CompletionRecord, said: CompletionIn) -> tuple[str, ...]:
    """Fields that exist once and that `said` gives another value; silence contradicts nothing."""
    content = said.model_dump(mode="json", include=set(ONCE))
    found = [
        name
        for name in ONCE
        if content[name] is not None and content[name] != getattr(standing, name)
    ]
    if said.shares is not None:
        shares = in_steps([(each.technician_id, each.share) for each in said.shares])
        if shares != standing.shares:
            found.append("shares")
    if _second_signatures(standing, said):
        found.append("signature")
    return tuple(found)


def _second_signatures(standing: CompletionRecord, said: CompletionIn) -> set[UUID]:
    signed = {each["file_id"] for each in standing.manifest if each["kind"] == SIGNATURE}
    return {
        each.file_id
        for each in said.manifest
        if each.kind == SIGNATURE and signed and str(each.file_id) not in signed
    }


def addition(standing: CompletionRecord, said: CompletionIn) -> ContributionIn:
    """What of `said` joins the record: its words as a note, and whatever is not there yet.

    A second signature joins nothing: a customer signs once.
    """
    known = {each["file_id"] for each in standing.manifest}
    signatures = _second_signatures(standing, said)

    def new(rows: list[Any], there: list[dict[str, Any]]) -> list[Any]:
        return [each for each in rows if each.model_dump(mode="json") not in there]

    return ContributionIn(
        note=said.summary,
        readings=new(said.readings, standing.readings),
        parts=new(said.parts, standing.parts),
        files=[
            each
            for each in said.manifest
            if str(each.file_id) not in known and each.file_id not in signatures
        ],
    )


async def join(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    standing: CompletionRecord,
    said: CompletionIn,
    command_id: UUID,
    payload: dict[str, Any],
) -> Merged:
    """Let the second record's independent fields join the first; raises what `contribute` does."""
    assert act.actor_id is not None
    contradictions = differing(standing, said)
    row = await contribute(
        session,
        order,
        act,
        addition(standing, said),
        user_id=act.actor_id,
        command_id=command_id,
        payload={**payload, "differing": list(contradictions)},
    )
    return Merged(standing, row, contradictions)
