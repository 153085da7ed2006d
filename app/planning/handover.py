"""Sends a due visit to another crew than the plan's, and writes both crews' days anew."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from app.planning import commit_rows, reason_rows, repository, snapshot_rows
from app.planning.context import Planner
from app.planning.held_up import Held
from app.planning.reading import facts_of
from app.planning.rerouted import Setting, homes, rewrite, stations, touched
from app.planning.room import may_get
from app.planning.takers import Taking
from app.planning.why_shown import saved_terms, why_handed_over
from app.work_orders import assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act


async def hand_over(
    planner: Planner, setting: Setting, held: Held, taking: Taking, asked: Sequence[Taking]
) -> bool:
    """Transition 4 to the crew that takes it, under the locks of both plans, in `publish`'s order.

    False when the visit, the order or the crew has changed since it was priced: then the plan's
    word stands. Raises what `assignments.assign` does.
    """
    crew_id = setting.snapshot.crew_ids[taking.there.crew_id]
    routes = (taking.left, taking.there.route)
    written = touched(setting, routes, taking.order_id)
    job = written[taking.order_id]
    async with planner.database.transaction() as session:
        await repository.lock_plans(session, stations(setting, routes, written))
        now = await snapshot_rows.lock_facts(session, [each.id for each in written.values()])
        if job.id not in now or facts_of(now[job.id]) != job.facts:
            return False
        if not await _still_planned(session, held):
            return False
        order = await work_orders.locked_any(session, job.id)
        if not await may_get(session, order, crew_id):
            return False
        await rewrite(session, setting, routes)
        reason = _words(held, taking)
        act = Act.by_planner()
        await assignments.assign(session, order, crew_id, act, how="auto", reason=reason)
        why = why_handed_over(setting, taking, held, asked)
        visit = held.visit
        await reason_rows.keep(session, order, crew_id, visit.run_id, why, visit.crew_id)
        # Both crews have another day now than the plan in force was made for.
        for station_id in sorted({order.station_id, *homes(setting, routes)}):
            await repository.raise_dirty(session, station_id)
    return True


async def _still_planned(session: AsyncSession, held: Held) -> bool:
    """Whether the plan in force is the one that was priced."""
    planned = await commit_rows.planned(session, held.visit.order_id)
    return planned is not None and tuple(planned) == (held.visit.crew_id, held.visit.run_id)


def _words(held: Held, taking: Taking) -> str:
    """What the order's history says: the crews, the prices, and what that saves most in."""
    saved = saved_terms(taking)
    most = max(saved, key=saved.__getitem__)
    return (
        f"commit step: {taking.there.crew_id} +{_minutes(taking.there.added)} min instead of"
        f" {taking.from_crew} +{_minutes(taking.here_s)} min ({held.words[1]});"
        f" saves {_minutes(taking.saved_s)} min, {_minutes(saved[most])} in {most}"
    )


def _minutes(price_s: int) -> int:
    return round(price_s / 60)
