"""A seeded database behind a real server: one order per state, one person who may do everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.models import CompletionRecord
from app.core import clock
from app.core.db import Database
from app.core.permissions import Role
from app.customers import consents
from app.evidence.models import EvidenceFile, EvidenceInspection
from app.evidence.service import Declared, new_file
from app.evidence.storage import storage, thumbnail_key
from app.identity import service as identity
from app.identity.models import RoleGrant
from app.notifications.customer_models import CustomerMessage
from app.notifications.ladder_models import Alarm, Ladder
from app.payouts.models import LedgerEntry, PayAdjustment, PayAppeal, PayQuestion
from app.revisits.models import ReworkCase
from app.work_orders import approvals, duties, service
from app.work_orders.acts import Act
from app.work_orders.states import State
from tests.factories.orders import order_in, person
from tests.factories.records import receive_files
from tests.factories.world import World

EVERYTHING = "tech04"
"""Leads crew A3 and holds every role of the company, so that no route is closed."""
_STATES = {
    "submit_work_order": State.DRAFT,
    "solve_by_phone": State.DRAFT,
    "assign_work_order": State.NEW,
    "pin_work_order": State.NEW,
    "urge_work_order": State.NEW,
    "rebook_work_order": State.NEW,
    "amend_work_order": State.NEW,
    "form_joint_crew": State.NEW,
    "request_cancel": State.NEW,
    "merge_work_order": State.NEW,
    "decide_approval": State.SENT,
    "withdraw_work_order": State.SENT,
    "request_hold": State.SENT,
    "create_upload": State.WORKING,
    "resume_work_order": State.HOLD,
    "review_completion": State.DONE,
    "record_revisit": State.REVISIT,
    "rate_service": State.REVISIT,
    "get_eta": State.ACCEPTED,
    "get_work_order": State.CLOSED,
}


@dataclass
class Stage:
    """What the recipes need to know."""

    world: World
    orders: dict[str, UUID] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    completion_id: UUID | None = None
    approval_id: UUID | None = None
    duty_id: UUID | None = None
    alarm_id: UUID | None = None
    carriers: dict[str, UUID] = field(default_factory=dict)
    """By purpose, the message to a customer that carried the link."""
    evidence_id: UUID | None = None
    unfinished_id: UUID | None = None
    """An upload of EVERYTHING that got no byte."""
    spare_user_id: UUID | None = None
    spare_grant_id: UUID | None = None
    rework_id: UUID | None = None
    pay: dict[str, UUID] = field(default_factory=dict)
    """Things about pay that wait for a decision, by what they are."""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What operations answered so far: later recipes name what earlier ones made."""


async def set_stage(session: AsyncSession, world: World, data_dir: Path) -> Stage:
    """Walk an order to each state that an operation wants to find."""
    assert data_dir.is_dir()
    stage = Stage(world)
    for role in Role:
        if role is not Role.TECHNICIAN:
            await identity.grant(session, world.users[EVERYTHING], role, None)
    for operation, state in _STATES.items():
        crew = "A3" if operation == "create_upload" else "A2"
        order = await order_in(session, world, state, crew=crew)
        if operation == "review_completion":
            await receive_files(session, order)
        stage.orders[operation] = order.id
        stage.versions[operation] = order.version
    order = await order_in(session, world, State.SENT, crew="A3")
    stage.orders["post_commands"] = order.id
    await _extras(session, stage)
    await _pay(session, stage)
    return stage


async def _files(session: AsyncSession, stage: Stage) -> None:
    """A thumbnail of the received file, and an upload that nobody goes on with."""
    shown = await session.get(EvidenceFile, stage.evidence_id)
    assert shown is not None
    session.add(EvidenceInspection(file_id=shown.id, has_thumbnail=True, inspected_at=clock.now()))
    storage().put_bytes(thumbnail_key(shown.sha256), b"RIFF\x04\x00\x00\x00WEBP")
    begun = Declared(uuid4(), "F", "image/jpeg", 100, "0" * 64)
    owner = stage.world.users[EVERYTHING]
    session.add(new_file(stage.orders["create_upload"], owner, begun, "receiving"))
    stage.unfinished_id = begun.file_id
    await session.flush()


async def _extras(session: AsyncSession, stage: Stage) -> None:
    record = select(CompletionRecord.id).where(
        CompletionRecord.order_id == stage.orders["review_completion"]
    )
    stage.completion_id = (await session.exec(record)).one()
    case = select(ReworkCase.id).where(ReworkCase.order_id == stage.orders["post_commands"])
    stage.rework_id = (await session.exec(case)).one()
    file = select(EvidenceFile.id).where(
        EvidenceFile.order_id == stage.orders["review_completion"],
        col(EvidenceFile.state) == "verified",
    )
    stage.evidence_id = (await session.exec(file)).first()
    await _files(session, stage)
    order = await service.locked_any(session, stage.orders["decide_approval"])
    agent = await person(session, stage.world, "agent")
    asked = await approvals.request_cancel(
        session, order, Act.now(agent, Role.AGENT), reason="误报"
    )
    stage.approval_id = asked.id
    await consents.say(session, "13900000008", allowed=True, how="form", recorded_by=None)
    for purpose, operation in (("visit", "get_eta"), ("rating", "rate_service")):
        told = select(CustomerMessage.id).where(
            CustomerMessage.order_id == stage.orders[operation],
            CustomerMessage.kind == "dispatched",
        )
        stage.carriers[purpose] = (await session.exec(told)).one()
    stage.duty_id = (await duties.urge(session, order, Act.now(agent, Role.AGENT), "还没来")).id
    stage.alarm_id = await _red_alarm(session, stage.world)
    spare = await identity.create_user(
        session, username="spare", password="a long enough one", display_name="Spare"
    )
    await identity.grant(session, spare.id, Role.AGENT, None)
    stage.spare_user_id = spare.id
    grant = select(RoleGrant.id).where(RoleGrant.user_id == spare.id)
    stage.spare_grant_id = (await session.exec(grant)).one()


async def _red_alarm(session: AsyncSession, world: World) -> UUID:
    """Of an order that no other operation touches."""
    order, now = await order_in(session, world, State.NEW, crew="A2"), clock.now()
    alarm = Alarm(
        key="stage",
        order_id=order.id,
        station_id=order.station_id,
        crew_id=world.crews["A1"],
        kind="new",
        ladder_id=(await session.exec(select(Ladder.id).limit(1))).one(),
        created_at=now,
        red_at=now,
    )
    session.add(alarm)
    await session.flush()
    return alarm.id


async def _pay(session: AsyncSession, stage: Stage) -> None:
    """What others asked about pay: a correction, two appeals, something unusual."""
    person = stage.world.technicians["tech03"]
    query = select(LedgerEntry).where(LedgerEntry.technician_id == person)
    first, second = (await session.exec(query.order_by(col(LedgerEntry.id)))).all()[:2]
    chief, at, people = stage.world.users["chief1"], clock.now(), {"technician_id": person}
    said = people | {"reason": "有误", "raised_by": chief, "raised_at": at}
    said |= {"month": first.period, "station_due_at": at, "company_due_at": at}
    answered = {"station_verdict": "refused", "station_by": chief, "station_at": at}
    rows: dict[str, Any] = {
        "adjustment": PayAdjustment(
            order_id=first.order_id,
            points=1,
            reason="漏记",
            proposed_by=chief,
            proposed_at=at,
            **people,
        ),
        "question": PayQuestion(
            month=first.period,
            kind="points_a_day",
            subject="2026-01-15",
            facts={},
            found_at=at,
            **people,
        ),
        "asked": PayAppeal(entry_id=first.id, **said),
        "answered": PayAppeal(entry_id=second.id, **said, **answered),
    }
    session.add_all(rows.values())
    await session.flush()
    stage.pay = {name: row.id for name, row in rows.items()}


@asynccontextmanager
async def staged(database: Database, world: World, data_dir: Path) -> AsyncIterator[Stage]:
    """The stage, committed."""
    async with database.transaction() as session:
        stage = await set_stage(session, world, data_dir)
    yield stage
