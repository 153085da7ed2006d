"""What the members of a crew note for the completion record, each from their own phone.

Fields of several people join: nobody's replaces another's. What was noted before the record stands
counts for it, what comes after joins it until it is reviewed.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import repository
from app.completions.models import CompletionRecord
from app.completions.record import ContributionIn, in_steps
from app.core.columns import Instant, Json, PrimaryId
from app.evidence import service as evidence
from app.evidence.declaration import DeclaredIn
from app.evidence.errors import EvidenceDiffers
from app.evidence.models import EvidenceFile
from app.evidence.service import Declared
from app.work_orders import assignments
from app.work_orders.acts import Act
from app.work_orders.errors import NotYours
from app.work_orders.models import WorkOrder
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition


class Contribution(SQLModel, table=True):
    """Fields that one person adds; what others noted stays beside it."""

    __tablename__ = "completion_contributions"

    id: UUID = PrimaryId()
    order_id: UUID = Field(foreign_key="work_orders.id", index=True)
    assignment_id: UUID = Field(foreign_key="assignments.id")
    user_id: UUID = Field(foreign_key="users.id")
    command_id: UUID = Field(unique=True)
    at: datetime = Field(sa_type=Instant)
    note: str | None = None
    readings: list[dict[str, Any]] = Field(sa_type=Json)
    parts: list[dict[str, Any]] = Field(sa_type=Json)
    files: list[dict[str, Any]] = Field(sa_type=Json)
    """As in a record's manifest."""
    shares: list[dict[str, Any]] | None = Field(default=None, sa_type=Json, nullable=True)
    """The split that this person agrees to, as in a record."""


async def of_order(session: AsyncSession, order_id: UUID) -> Sequence[Contribution]:
    """Everything noted for the order, oldest first."""
    query = select(Contribution).where(Contribution.order_id == order_id)
    return (await session.exec(query.order_by(col(Contribution.at), col(Contribution.id)))).all()


async def of_assignment(session: AsyncSession, assignment_id: UUID) -> list[Contribution]:
    """What was noted while this crew held the order; it counts for this crew's record."""
    query = select(Contribution).where(Contribution.assignment_id == assignment_id)
    return list((await session.exec(query.order_by(col(Contribution.id)))).all())


async def contribute(
    session: AsyncSession,
    order: WorkOrder,
    act: Act,
    said: ContributionIn,
    *,
    user_id: UUID,
    command_id: UUID,
    payload: dict[str, Any],
) -> Contribution:
    """Add what `user_id` noted to a locked order, by the event `noted`, which keeps `payload`.

    Files are declared as that person's; once a record stands they belong to its manifest. Raises
    IllegalTransition, NotYours, EvidenceDiffers and what `evidence.check_declared` raises.
    """
    holding = await assignments.current(session, order)
    if holding is None:
        raise NotYours(state=order.state)
    row = Contribution(
        order_id=order.id,
        assignment_id=holding.id,
        user_id=user_id,
        command_id=command_id,
        at=act.at,
        shares=_split(said),
        **said.model_dump(mode="json", exclude={"shares"}),
    )
    await _declare(session, order.id, user_id, declared_of(row.files))
    session.add(row)
    await session.flush()
    record = await repository.latest(session, order.id)
    if order.state == State.DONE and record is not None:
        await declare_all(session, order, record)
    told = {
        "contribution_id": str(row.id),
        "by": str(user_id),
        "command_id": str(command_id),
        "files": [str(each.file_id) for each in said.files],
    }
    await transition(session, order, Action.NOTED, act, **(payload | told))
    return row


def _split(said: ContributionIn) -> list[dict[str, str]] | None:
    if said.shares is None:
        return None
    return in_steps([(each.technician_id, each.share) for each in said.shares])


def declared_of(rows: Iterable[dict[str, Any]]) -> list[Declared]:
    """Stored manifest rows as evidence knows them."""
    return [Declared(**DeclaredIn.model_validate(each).model_dump()) for each in rows]


async def _declare(
    session: AsyncSession, order_id: UUID, owner_id: UUID, files: Sequence[Declared]
) -> None:
    """Make the files known as the person's; they enter the manifest with a record."""
    for each in files:
        evidence.check_declared(each)
    if not files:
        return
    rows = [
        evidence.new_file(order_id, owner_id, each, "declared").model_dump(
            exclude={"captured_place"}
        )
        for each in files
    ]
    await session.execute(insert(EvidenceFile).values(rows).on_conflict_do_nothing())
    found = await session.exec(
        select(EvidenceFile).where(col(EvidenceFile.id).in_([each.file_id for each in files]))
    )
    known = {file.id: file for file in found.all()}
    differing = [
        str(each.file_id)
        for each in files
        if not evidence.is_same(known[each.file_id], order_id, each)
    ]
    if differing:
        raise EvidenceDiffers(files=differing)


async def declare_all(session: AsyncSession, order: WorkOrder, record: CompletionRecord) -> None:
    """The order's manifest is the record's with what its crew contributed; each sends their own."""
    noted = await of_assignment(session, record.assignment_id)
    for row in noted:
        await _declare(session, order.id, row.user_id, declared_of(row.files))
    files = {each.file_id: each for row in noted for each in declared_of(row.files)}
    files |= {each.file_id: each for each in declared_of(record.manifest)}
    await evidence.declare(session, order, record.completed_by, list(files.values()))
