"""Orders that cannot be late today: sooner is better, and short work before long."""

from datetime import timedelta

from sqlmodel import col, update

from app.core import clock
from app.core.db import Database
from app.organisation.models import Shift
from app.planning import policy
from app.work_orders.models import WorkOrder
from tests.app.planning.conftest import EAST, Run, SolverHere, Take

NEXT_DOOR = "锦绣家园1-1-102"
NO_ARRIVAL_LIMIT = "H26"
TWO_HOURS = "H01"


async def test_what_has_no_deadline_has_a_price_of_waiting(
    take: Take, plan: Run, solver: SolverHere
) -> None:
    free = await take(NEXT_DOOR, fault_code=NO_ARRIVAL_LIMIT)
    due = await take("锦绣家园3-1-101", fault_code=TWO_HOURS)
    await plan()
    assert solver.problem is not None
    told = solver.problem.order_by_id
    asked = told[free["serial"]]
    assert asked.due_s is None
    assert asked.waiting_per_mille == policy.waiting_rate(asked.service_s) > 0
    assert told[due["serial"]].due_s == 2 * 3600
    assert not told[due["serial"]].waiting_per_mille


async def test_neither_has_what_is_due_after_all_crews_have_gone_home(
    take: Take, plan: Run, solver: SolverHere, database: Database
) -> None:
    order = await take(fault_code=TWO_HOURS)
    async with database.transaction() as session:
        home = {"ends_at": clock.now() + timedelta(minutes=45)}
        await session.execute(update(Shift).where(col(Shift.ends_at) > clock.now()).values(home))
    await plan()
    assert solver.problem is not None
    asked = solver.problem.order_by_id[order["serial"]]
    assert asked.due_s == 2 * 3600 > max(crew.hard_end_s for crew in solver.problem.crews)
    assert not asked.waiting_per_mille


async def test_what_has_waited_for_days_weighs_more_and_is_dearer_to_leave_out(
    take: Take, plan: Run, solver: SolverHere, database: Database
) -> None:
    old, new = [await take(at, fault_code=NO_ARRIVAL_LIMIT) for at in (EAST, NEXT_DOOR)]
    async with database.transaction() as session:
        reported = {"reported_at": clock.now() - timedelta(days=2)}
        mine = update(WorkOrder).where(col(WorkOrder.serial) == old["serial"])
        await session.execute(mine.values(reported))
    await plan()
    assert solver.problem is not None
    one, two = (solver.problem.order_by_id[each["serial"]] for each in (old, new))
    rate = policy.waiting_rate(one.service_s, waited_s=2 * 86_400)
    assert one.waiting_per_mille == rate > two.waiting_per_mille
    assert one.priority_penalty > two.priority_penalty
