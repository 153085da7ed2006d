"""Orders that stand where a test wants them, brought there by the real services.

`order_in` walks an order from the call to a state; `advance` takes one further, so that a test
can move the frozen clock in between. Nothing is written around a rule but the bytes of the
evidence, which `records.receive_files` puts where an upload would have kept them.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import contributions
from app.completions import repository as completion_rows
from app.completions import service as completions
from app.completions.models import CompletionRecord
from app.completions.record import ContributionIn
from app.core import clock
from app.core.permissions import Role
from app.core.scope import Principal
from app.identity import service as identity
from app.organisation import service as organisation
from app.organisation.models import CrewMember, Technician
from app.payouts.load import load_default_rate_card
from app.revisits import service as revisits
from app.revisits.models import Revisit
from app.revisits.policy import Call
from app.work_orders import approvals, assignments, intake
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.holds import Proof
from app.work_orders.models import WorkOrder
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition
from tests.factories.records import full_record, receive_files
from tests.factories.world import World

S = State
WAY = (
    *(S.DRAFT, S.NEW, S.SENT, S.ACCEPTED, S.ENROUTE, S.ONSITE, S.WORKING, S.DONE, S.REVISIT),
    S.CLOSED,
)
"""The straight way of an order."""
ASIDE = {S.HOLD: S.ACCEPTED, S.RETURNED: S.ENROUTE, S.CANCELLED: S.NEW}
"""Side states, and where on the straight way they are taken from."""
FIRST_PREMISES = {"A": "锦绣家园1-1-101", "B": "阳光花园2-1-101"}


async def order_in(
    session: AsyncSession,
    world: World,
    state: State,
    *,
    fault: str = "H01",
    crew: str = "A2",
    premises: str | None = None,
    outcome: str = "fixed",
    shares: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> WorkOrder:
    """A new order in `state`, with every event, clock, file and pay line that led there.

    `crew` must be able to do the `fault` (A2 heat alone, A1 anything in pairs); `premises` is a
    name of the world, by default one of the crew's station; `shares` are by username, e.g.
    `{"tech01": "0.6", "tech02": "0.4"}`. A CLOSED order was called back and solved.
    """
    await load_default_rate_card(session)
    report = intake.Report(
        channel="phone",
        caller_name="王女士",
        caller_phone="13900000001",
        fault_code=fault,
        description="测试来电",
        premises_id=world.premises[premises or FIRST_PREMISES[crew[0]]],
        flags=frozenset(flags),
        force_new_reason="a test's own order",
    )
    agent = await person(session, world, "agent")
    act = Act.now(agent, Role.AGENT)
    order = await intake.take(session, agent, report, act, draft=True)
    await advance(session, world, order, state, crew=crew, outcome=outcome, shares=shares)
    return order


async def advance(
    session: AsyncSession,
    world: World,
    order: WorkOrder,
    state: State,
    *,
    crew: str = "A2",
    outcome: str = "fixed",
    shares: Mapping[str, str] | None = None,
) -> None:
    """Bring an order on the straight way further to `state`, at the business time of now."""
    goal = ASIDE.get(state, state)
    here = WAY.index(State(order.state))
    for step in WAY[here + 1 : WAY.index(goal) + 1]:
        if step is S.DONE:
            await complete(session, world, order, outcome=outcome, shares=shares)
        else:
            await _step(session, world, order, step, crew)
    if state in ASIDE:
        await _step_aside(session, world, order, state)
    assert order.state == state.value


async def person(session: AsyncSession, world: World, username: str) -> Principal:
    """Somebody of the world, as services see them."""
    return await identity.principal_of_user(session, world.users[username])


async def leader_act(session: AsyncSession, order: WorkOrder) -> Act:
    """An act of the leader of the crew that holds the order."""
    assignment = await assignments.current(session, order)
    assert assignment is not None
    statement = (
        select(Technician.user_id)
        .join(CrewMember, col(CrewMember.technician_id) == Technician.id)
        .where(
            CrewMember.crew_id == assignment.crew_id,
            CrewMember.role == "leader",
            col(CrewMember.until).is_(None),
        )
    )
    user_id = (await session.exec(statement)).one()
    return Act.now(await identity.principal_of_user(session, user_id), Role.TECHNICIAN)


async def _step(
    session: AsyncSession, world: World, order: WorkOrder, step: State, crew: str
) -> None:
    if step is S.NEW:
        agent = await person(session, world, "agent")
        await transition(session, order, Action.SUBMITTED, Act.now(agent, Role.AGENT))
    elif step is S.SENT:
        act = Act.now(await person(session, world, "dispatcher"), Role.DISPATCHER)
        await assignments.assign(session, order, world.crews[crew], act, how="manual")
    elif step is S.REVISIT:
        await receive_files(session, order)
        await review(session, world, order)
    elif step is S.CLOSED:
        await call_back(session, world, order, solved=True)
    else:
        await _by_leader(session, order, step)


async def _by_leader(session: AsyncSession, order: WorkOrder, step: State) -> None:
    act = await leader_act(session, order)
    if step is S.ACCEPTED:
        await transition(session, order, Action.ACCEPTED, act)
    elif step is S.ENROUTE:
        await transition(session, order, Action.CONTACTED, act)
        await transition(session, order, Action.DEPARTED, act)
    elif step is S.ONSITE:
        await transition(session, order, Action.ARRIVED, act)
    else:
        await transition(session, order, Action.STARTED, act, **await _safety(session, order))


async def _safety(session: AsyncSession, order: WorkOrder) -> dict[str, Any]:
    """Guardian and checklist, which levels 3 and 4 demand; a lone leader has no guardian."""
    assignment = await assignments.current(session, order)
    assert assignment is not None
    crew = await organisation.capability(session, assignment.crew_id, clock.now())
    helpers = [member for member in crew.members if member.role != "leader"]
    guardian = {"guardian_id": str(helpers[0].technician_id)} if helpers else {}
    return guardian | {"checklist_confirmed": True}


async def complete(
    session: AsyncSession,
    world: World,
    order: WorkOrder,
    *,
    outcome: str = "fixed",
    shares: Mapping[str, str] | None = None,
    agreed: bool = True,
) -> CompletionRecord:
    """Transition 13 with all files and readings that the fault and the outcome demand; everybody
    agrees to `shares`, unless `agreed` is false."""
    by_id = {world.technicians[who]: share for who, share in (shares or {}).items()}
    record = await full_record(session, order, outcome, by_id or None)
    act = await leader_act(session, order)
    written = await completions.complete(session, order, act, record)
    for who in by_id if agreed else ():
        if act.principal is None or who != act.principal.technician_id:
            await agree(session, order, who, written)
    return written


async def agree(
    session: AsyncSession, order: WorkOrder, technician_id: UUID, record: CompletionRecord
) -> None:
    """A helper says the split of the leader's record again on the own phone (DOMAIN 5.4)."""
    technician = await session.get_one(Technician, technician_id)
    helper = await identity.principal_of_user(session, technician.user_id)
    await contributions.contribute(
        session,
        order,
        Act.now(helper, Role.TECHNICIAN),
        ContributionIn.model_validate({"shares": record.shares}),
        user_id=helper.id,
        command_id=uuid4(),
        payload={},
    )


async def review(
    session: AsyncSession,
    world: World,
    order: WorkOrder,
    *,
    decision: str = "passed",
    reason: str | None = None,
) -> None:
    """The company's reviewer decides on the last record."""
    record = await completion_rows.latest(session, order.id)
    assert record is not None
    reviewer = await person(session, world, "reviewer")
    await completions.review(session, reviewer, record.id, decision, reason)


async def call_back(
    session: AsyncSession,
    world: World,
    order: WorkOrder,
    *,
    solved: bool | None,
    rating: int | None = None,
    comment: str | None = None,
) -> Revisit:
    """The revisitor calls; `solved` None means that nobody answered."""
    revisitor = await person(session, world, "revisitor")
    call = Call(solved is not None, solved, rating, comment)
    revisit, _ = await revisits.record(session, revisitor, order.id, call)
    return revisit


async def rework_of(session: AsyncSession, revisit: Revisit) -> WorkOrder:
    """The order that an unsolved call-back opened."""
    assert revisit.rework_order_id is not None
    return await work_orders.locked_any(session, revisit.rework_order_id)


async def _step_aside(session: AsyncSession, world: World, order: WorkOrder, state: State) -> None:
    if state is S.RETURNED:
        act = await leader_act(session, order)
        await transition(session, order, Action.RETURNED, act, reason="not ours", proof=None)
        return
    if state is S.HOLD:
        act = await leader_act(session, order)
        tomorrow = clock.now() + timedelta(days=1)
        approval = await approvals.request_hold(
            session,
            order,
            act,
            reason="customer_absent",
            until=tomorrow,
            note="用户不在家",
            proof=Proof("sms", "短信 0115-08"),
        )
    else:
        act = Act.now(await person(session, world, "agent"), Role.AGENT)
        approval = await approvals.request_cancel(session, order, act, reason="用户撤销")
    chief1s = order.station_id == world.stations["S01"]
    chief = await person(session, world, "chief1" if chief1s else "chief2")
    await approvals.decide(session, chief, approval.id, True, None)
