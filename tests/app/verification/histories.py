"""Orders that took every turn there is, brought there by the real services."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.permissions import Role
from app.revisits import service as revisits
from app.work_orders import approvals, assignments, duties, intake, merging, timers
from app.work_orders import service as work_orders
from app.work_orders.acts import Act
from app.work_orders.holds import Proof
from app.work_orders.imports import IMPORTER
from app.work_orders.models import WorkOrder
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition
from tests.factories import orders
from tests.factories.world import World

DANGER = "P22"
STANDING = (
    ("draft", State.DRAFT, "A2"),
    ("held", State.HOLD, "A2"),
    ("returned", State.RETURNED, "A3"),
    ("cancelled", State.CANCELLED, "A2"),
    ("done", State.DONE, "B1"),
)


@dataclass
class History:
    """Orders by what happened to them: (id, serial)."""

    ids: dict[str, UUID] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, order: WorkOrder) -> None:
        self.ids[name], self.serials[name] = order.id, order.serial


async def a_morning(session: AsyncSession, world: World) -> History:
    """One of every turn that an order can take; moves the frozen clock."""
    history = History()
    history.add("closed", await _closed(session, world))
    for name, state, crew in STANDING:
        history.add(name, await orders.order_in(session, world, state, crew=crew))
    history.add("absent", await _absent(session, world))
    history.add("moved", await _moved(session, world))
    history.add("resumed", await _resumed(session, world))
    rejected = await _rejected(session, world)
    history.add("rejected", rejected)
    revisit = await orders.call_back(session, world, rejected, solved=False)
    history.add("rework", await orders.rework_of(session, revisit))
    history.add("imported", await _imported(session, world))
    history.add("joint", await _joint(session, world))
    history.add("dissolved", await _dissolved(session, world))
    history.add("voided", await _voided(session, world))
    history.add("held_late", await _held_late(session, world))
    danger = await orders.order_in(session, world, State.CLOSED, fault=DANGER, crew="A1")
    history.add("danger", danger)
    for name, order in (await _merged(session, world)).items():
        history.add(name, order)
    history.add("rated", await _rated(session, world))
    history.add("urged", await _urged(session, world))  # the last, since it takes three days
    return history


async def _closed(session: AsyncSession, world: World) -> WorkOrder:
    """A pair's order, from the call to confirmed pay, some minutes between the steps."""
    order = await orders.order_in(session, world, State.NEW, crew="A1")
    for state in (State.SENT, State.ACCEPTED, State.ENROUTE, State.ONSITE, State.WORKING):
        _later(4)
        await orders.advance(session, world, order, state, crew="A1")
    act = await orders.leader_act(session, order)
    await transition(session, order, Action.RESTORED, act)
    for state in (State.DONE, State.REVISIT, State.CLOSED):
        _later(31)
        await orders.advance(session, world, order, state)
    return order


def _later(minutes: float) -> None:
    clock.advance(timedelta(minutes=minutes))


async def _absent(session: AsyncSession, world: World) -> WorkOrder:
    """Nobody in, and nobody answers the call-back three times."""
    order = await orders.order_in(session, world, State.REVISIT, outcome="absent")
    for _ in range(3):
        _later(60)
        await orders.call_back(session, world, order, solved=None)
    return order


async def _moved(session: AsyncSession, world: World) -> WorkOrder:
    """Pinned, sent, resent, withdrawn, sent, transferred at work, urged, rebooked, amended."""
    order = await orders.order_in(session, world, State.NEW)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    crews = world.crews
    await assignments.pin(session, order, crews["A1"], desk, "knows the house")
    await assignments.assign(session, order, crews["A1"], desk, how="manual")
    _later(3)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    await assignments.assign(session, order, crews["A2"], desk, how="manual", reason="nearer")
    await assignments.withdraw(session, order, desk, "wait")
    await duties.urge(session, order, desk, "cold")
    starts = clock.now() + timedelta(hours=1)
    ends = starts + timedelta(hours=1)
    await work_orders.rebook(session, order, desk, starts=starts, ends=ends, reason="at work")
    await orders.advance(session, world, order, State.ONSITE, crew="A3")
    _later(3)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    await assignments.assign(session, order, crews["A2"], desk, how="manual", reason="ladder")
    await work_orders.amend(session, order, desk, version=order.version, notes="three dogs")
    await transition(
        session, order, Action.ACCEPT_EXPIRED, Act.by_timer(), reason="K2 expired", assignment_id=""
    )
    await assignments.assign(session, order, crews["A3"], Act.by_planner(), how="auto")
    return order


async def _resumed(session: AsyncSession, world: World) -> WorkOrder:
    """Held and back with the same crew within two hours, then held again and back to NEW."""
    order = await orders.order_in(session, world, State.ACCEPTED)
    for minutes in (45, 180):
        held = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
        _later(2)
        await _hold(session, world, order, held)
        _later(minutes)
        await work_orders.resume(session, order, Act.by_timer(), "hold date reached")
    return order


async def _merged(session: AsyncSession, world: World) -> dict[str, WorkOrder]:
    """A report that follows its repair, one that was other trouble, one whose main was voided."""
    main = await orders.order_in(session, world, State.ENROUTE, crew="A1")
    same = await orders.order_in(session, world, State.ENROUTE, premises="锦绣家园1-2-201")
    other = await orders.order_in(session, world, State.SENT, crew="A3")
    _later(7)
    await _merge(session, world, same, main)
    await _merge(session, world, other, main)
    _later(11)
    desk = await orders.person(session, world, "dispatcher")
    await merging.split(session, other, Act.now(desk, Role.DISPATCHER), "another riser")
    await orders.advance(session, world, main, State.REVISIT, crew="A1")
    _later(20)
    await orders.call_back(session, world, same, solved=True, rating=5)
    void = await orders.order_in(session, world, State.NEW)
    left = await orders.order_in(session, world, State.NEW)
    await _merge(session, world, left, void)
    agent = Act.now(await orders.person(session, world, "agent"), Role.AGENT)
    asked = await approvals.request_cancel(session, void, agent, reason="false alarm")
    chief = await orders.person(session, world, "chief1")
    await approvals.decide(session, chief, asked.id, True, None)
    assert (same.state, left.state, left.merged_into) == ("CLOSED", "NEW", None)
    return {"main": main, "merged": same, "split": other, "void": void, "left": left}


async def _merge(session: AsyncSession, world: World, order: WorkOrder, main: WorkOrder) -> None:
    desk = await orders.person(session, world, "dispatcher")
    said = Act.now(desk, Role.DISPATCHER), "one riser"
    await merging.merge(session, desk, order.id, main.id, *said)


async def _rated(session: AsyncSession, world: World) -> WorkOrder:
    """The customer says by link that it is still cold, and the next day that it is warm."""
    order = await orders.order_in(session, world, State.REVISIT, premises="锦绣家园1-2-201")
    await revisits.record_by_link(session, order.id, solved=False, rating=None, comment=None)
    _later(30)
    await revisits.record_by_link(session, order.id, solved=True, rating=4, comment="thanks")
    return order


async def _urged(session: AsyncSession, world: World) -> WorkOrder:
    """Urged four times in three urges, silence that climbs, replies, a hold that runs out."""
    order = await orders.order_in(session, world, State.ACCEPTED, premises="锦绣家园1-1-102")
    for minutes in (0, 5, 20, 20):
        _later(minutes)
        agent = Act.now(await orders.person(session, world, "agent"), Role.AGENT)
        await duties.urge(session, order, agent, "still cold")
    _later(20)
    assert await timers.run_due_timers(session, order.id)
    manager = await orders.person(session, world, "manager")
    owed = await duties.supervise(session, manager, order, 3, "12345 asks")
    await duties.answer(session, manager, owed.id, "a crew is on its way")
    asked = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    approval = await approvals.request_hold(
        session,
        order,
        asked,
        reason="quote_refused",
        until=clock.now() + timedelta(hours=72),
        note="too dear",
        proof=Proof("signature", "quote 12"),
    )
    _later(16)
    assert await timers.run_due_timers(session, order.id)
    await approvals.decide(session, manager, approval.id, True, None)
    _later(72 * 60)
    assert await timers.run_due_timers(session, order.id)
    assert not await timers.run_due_timers(session, order.id)
    return order


async def _hold(session: AsyncSession, world: World, order: WorkOrder, asked: Act) -> None:
    approval = await approvals.request_hold(
        session,
        order,
        asked,
        reason="customer_absent",
        until=clock.now() + timedelta(hours=1),
        note="nobody in",
        proof=Proof("sms", "0115-08"),
    )
    chief = await orders.person(session, world, "chief1")
    await approvals.decide(session, chief, approval.id, True, None)


async def _imported(session: AsyncSession, world: World) -> WorkOrder:
    """Taken on paper an hour ago, brought in by the command line."""
    at = clock.now() - timedelta(hours=1)
    act = Act(kind="api_key", at=at, principal=IMPORTER, role=Role.AGENT)
    report = intake.Report(
        channel="import",
        caller_name="李先生",
        caller_phone="13900000002",
        fault_code="H01",
        description="不热",
        premises_id=world.premises["锦绣家园3-1-101"],
    )
    return await intake.take(session, IMPORTER, report, act)


async def _joint(session: AsyncSession, world: World) -> WorkOrder:
    """Done by members of two crews, joined for it."""
    order = await orders.order_in(session, world, State.NEW)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    people = [world.technicians[name] for name in ("tech01", "tech03")]
    await assignments.form_joint_crew(session, order, people, people[0], desk, "heavy")
    await orders.advance(session, world, order, State.CLOSED)
    return order


async def _dissolved(session: AsyncSession, world: World) -> WorkOrder:
    """Accepted by a joint crew, which loses it to a standing one and ends."""
    order = await orders.order_in(session, world, State.NEW)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    people = [world.technicians[name] for name in ("tech03", "tech04")]
    await assignments.form_joint_crew(session, order, people, people[0], desk, "heavy")
    _later(2)
    await orders.advance(session, world, order, State.ACCEPTED)
    _later(2)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    await assignments.assign(session, order, world.crews["A1"], desk, how="manual", reason="tools")
    return order


async def _voided(session: AsyncSession, world: World) -> WorkOrder:
    """A cancellation was asked for, but the crew set out before anybody decided."""
    order = await orders.order_in(session, world, State.ACCEPTED)
    act = Act.now(await orders.person(session, world, "agent"), Role.AGENT)
    await approvals.request_cancel(session, order, act, reason="warm again")
    _later(2)
    await orders.advance(session, world, order, State.ENROUTE)
    return order


async def _held_late(session: AsyncSession, world: World) -> WorkOrder:
    """Asked for with one crew and approved with the next: the hold begins with the next."""
    order = await orders.order_in(session, world, State.SENT, crew="A2")
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    approval = await approvals.request_hold(
        session,
        order,
        desk,
        reason="customer_absent",
        until=clock.now() + timedelta(hours=3),
        note="nobody in",
        proof=Proof("sms", "0115-08"),
    )
    _later(5)
    desk = Act.now(await orders.person(session, world, "dispatcher"), Role.DISPATCHER)
    await assignments.assign(session, order, world.crews["A3"], desk, how="manual")
    _later(5)
    chief = await orders.person(session, world, "chief1")
    await approvals.decide(session, chief, approval.id, True, None)
    return order


async def _rejected(session: AsyncSession, world: World) -> WorkOrder:
    """Completed twice, since the first record was not good enough."""
    order = await orders.order_in(session, world, State.DONE, crew="B1")
    await orders.review(session, world, order, decision="rejected", reason="blurred photo")
    _later(10)
    await orders.advance(session, world, order, State.REVISIT, crew="B1")
    return order
