"""The worker's look at arrivals: what is computed anew, stored and told."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from app.core import clock, feed
from app.core.db import Database, count_statements
from app.core.permissions import Role
from app.organisation.models import Shift
from app.travel import policy
from app.travel.arrivals import refresh_crews
from app.work_orders import approvals, assignments
from app.work_orders import service as work_orders
from app.work_orders.acts import Act, MeasuredPlace
from app.work_orders.holds import Proof
from app.work_orders.states import Action, State
from app.work_orders.transitions import transition
from routing import Place
from tests.app.travel.conftest import Field
from tests.factories.orders import advance, leader_act, order_in, person
from tests.factories.world import NOW, World

MINUTE = timedelta(minutes=1)
HOME = (117.05, 36.65)
"""Where every crew of S01 stands in the morning."""


@pytest.fixture
async def order(database: Database, world: World) -> UUID:
    """An accepted order of crew A2 at 锦绣家园1, about 268 made-up seconds from home."""
    return await made(database, world, State.ACCEPTED)


async def made(database: Database, world: World, state: State, **how: Any) -> UUID:
    async with database.transaction() as session:
        return (await order_in(session, world, state, **how)).id


async def shifts_of(database: Database, world: World, *begins: datetime) -> None:
    """Crew A2 has shifts of eight hours from these instants, and no others."""
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM shifts"))
        for at in begins:
            session.add(Shift(crew_id=world.crews["A2"], starts_at=at, ends_at=at + 480 * MINUTE))


async def clocked_out(database: Database) -> None:
    """Nobody is at work; where the phones were stays known."""
    async with database.transaction() as session:
        await session.execute(text("UPDATE attendance SET clock_out_at = clock_in_at"))


async def brought(database: Database, world: World, order_id: UUID, state: State) -> None:
    async with database.transaction() as session:
        row = await work_orders.locked_any(session, order_id)
        await advance(session, world, row, state)


class TestRefresh:
    async def test_an_accepted_order_has_an_arrival_with_its_spread_and_its_sources(
        self, field: Field, order: UUID
    ) -> None:
        assert await field.tick() == 1
        found = await field.arrival(order)
        assert found is not None
        drive = found.arrive_at - NOW
        assert drive == timedelta(seconds=268)
        margin = policy.spread(policy.travel_variance(268, "osrm"))
        assert (found.earliest_at, found.latest_at) == (
            found.arrive_at - margin,
            found.arrive_at + margin,
        )
        assert (found.source, found.graph_version, found.hour_bucket) == ("osrm", "test-1", "day")
        assert (found.start_kind, found.start_at) == ("position", NOW)
        assert (found.start_lon, found.start_lat) == pytest.approx(HOME)

    async def test_one_statement_is_enough_when_nothing_changed(
        self, field: Field, order: UUID, database: Database
    ) -> None:
        await field.tick()
        seen: list[str] = []
        count_statements(database, seen)
        assert await field.tick() == 0
        assert len(seen) == 1
        assert field.roads.asked == ["matrix"]

    async def test_one_worker_looks_at_a_time(
        self, field: Field, order: UUID, database: Database
    ) -> None:
        async with database.transaction() as other:
            await other.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended('arrivals', 11))")
            )
            assert await field.tick() == 0
        assert await field.tick() == 1

    async def test_a_newer_position_moves_the_arrival(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        await brought(database, world, order, State.ENROUTE)
        await field.tick()
        clock.advance(MINUTE)
        await field.stand("tech03", 117.03, 36.65)
        assert await field.tick() == 1
        found = await field.arrival(order)
        assert found is not None and found.start_at == NOW + MINUTE
        assert found.arrive_at - clock.now() == timedelta(seconds=policy.LEAST_DRIVE_S)

    async def test_a_position_of_a_crew_at_work_changes_nothing(
        self, field: Field, world: World, database: Database
    ) -> None:
        await made(database, world, State.WORKING)
        await made(database, world, State.ACCEPTED, premises="锦绣家园3-1-101")
        await field.tick()
        clock.advance(MINUTE)
        await field.stand("tech03", 117.03, 36.65)
        assert await field.tick() == 0

    async def test_work_that_runs_comes_before_the_next_order(
        self, field: Field, world: World, database: Database
    ) -> None:
        await made(database, world, State.WORKING)
        clock.advance(10 * MINUTE)
        waiting = await made(database, world, State.ACCEPTED, premises="锦绣家园3-1-101")
        await field.tick()
        found = await field.arrival(waiting)
        assert found is not None
        assert (found.start_kind, found.stops_before) == ("on_site", 1)
        async with database.transaction() as session:
            minutes = await session.execute(
                text("SELECT service_minutes FROM fault_codes WHERE code = 'H01'")
            )
            left = timedelta(minutes=minutes.scalar_one() - 10)
        assert found.depart_at == clock.now() + left

    async def test_an_order_that_was_taken_meanwhile_computes_the_crew_anew(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        await field.tick()
        other = await made(database, world, State.SENT, premises="锦绣家园3-1-101")
        assert await field.tick() == 1
        found = await field.arrival(other)
        assert found is not None and found.stops_before == 1

    async def test_a_departure_that_did_not_happen_pushes_the_arrival_on(
        self, field: Field, order: UUID
    ) -> None:
        await field.tick()
        clock.advance(policy.LATE_AFTER)
        assert await field.tick() == 0
        clock.advance(MINUTE)
        assert await field.tick() == 1
        found = await field.arrival(order)
        assert found is not None and found.arrive_at == clock.now() + timedelta(seconds=268)

    async def test_an_arrival_that_did_not_happen_is_put_off(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        await brought(database, world, order, State.ENROUTE)
        await field.tick()
        clock.advance(5 * MINUTE)
        assert await field.tick() == 1
        found = await field.arrival(order)
        assert found is not None
        assert found.arrive_at == clock.now() + timedelta(seconds=policy.LEAST_DRIVE_S)

    async def test_the_estimate_is_flagged_when_roads_are_not_known(
        self, field: Field, order: UUID
    ) -> None:
        field.roads.estimated = True
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.source == "estimate"

    async def test_a_leg_without_a_road_is_bridged_and_flagged(
        self, field: Field, order: UUID, world: World
    ) -> None:
        field.roads.cut_off = {Place(*world.places["锦绣家园1"])}
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.source == "estimate"
        assert MINUTE < found.arrive_at - NOW < 60 * MINUTE

    async def test_a_departure_measured_on_the_phone_beats_an_older_position(
        self, field: Field, order: UUID, database: Database
    ) -> None:
        clock.advance(MINUTE)
        async with database.transaction() as session:
            row = await work_orders.locked_any(session, order)
            act = await leader_act(session, row)
            await transition(session, row, Action.CONTACTED, act)
            there = replace(act, place=MeasuredPlace(117.06, 36.65, 8.0))
            await transition(session, row, Action.DEPARTED, there)
        await field.tick()
        found = await field.arrival(order)
        assert found is not None
        assert (found.start_lon, found.start_at) == (117.06, clock.now())

    async def test_one_batch_that_fails_leaves_the_others(
        self,
        field: Field,
        order: UUID,
        world: World,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        other = await made(database, world, State.ACCEPTED, crew="B1")
        monkeypatch.setattr(policy, "CREWS_AT_ONCE", 1)

        async def once() -> None:
            if len(field.roads.asked) == 1:
                raise RuntimeError("a bridge fell")

        field.roads.before = once
        await field.tick()
        found = [await field.arrival(each) for each in (order, other)]
        assert sorted(row is None for row in found) == [False, True]
        assert "ALERT the arrivals of 1 crews" in caplog.text


class TestStale:
    async def test_an_order_that_was_withdrawn_while_roads_were_asked_is_not_stored(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        async def withdraw() -> None:
            async with database.transaction() as session:
                row = await work_orders.locked_any(session, order)
                act = Act.now(await person(session, world, "dispatcher"), Role.DISPATCHER)
                await assignments.withdraw(session, row, act, "another crew is nearer")

        field.roads.before = withdraw
        await field.tick()
        assert await field.arrival(order) is None
        assert await field.told(order) == []

    async def test_an_order_that_was_reached_while_roads_were_asked_is_not_stored(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        async def arrive() -> None:
            await brought(database, world, order, State.ONSITE)

        field.roads.before = arrive
        await field.tick()
        assert await field.arrival(order) is None

    async def test_no_transaction_is_open_while_roads_are_asked(
        self, field: Field, order: UUID, database: Database
    ) -> None:
        open_ones: list[int] = []

        async def count() -> None:
            async with await psycopg.AsyncConnection.connect(database.url) as owner:
                rows = await owner.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state LIKE 'idle in transaction%'"
                )
                open_ones.append((await rows.fetchone() or (-1,))[0])

        field.roads.before = count
        await field.tick()
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            await count()
        assert open_ones == [0, 1]

    async def test_what_was_computed_later_is_not_overwritten(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        later = NOW + 3 * MINUTE

        async def quicker() -> None:
            field.roads.before = None
            with clock.frozen(later):
                await refresh_crews(database, field.roads, [world.crews["A2"]])

        field.roads.before = quicker
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.computed_at == later


class TestForgotten:
    @pytest.mark.parametrize("state", [State.ONSITE, State.DONE])
    async def test_an_order_that_is_reached_has_no_arrival_at_once(
        self, field: Field, order: UUID, world: World, database: Database, state: State
    ) -> None:
        await field.tick()
        await brought(database, world, order, state)
        assert await field.arrival(order) is None

    async def test_an_order_that_goes_to_another_crew_is_told_anew(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        await field.tick()
        async with database.transaction() as session:
            row = await work_orders.locked_any(session, order)
            act = Act.now(await person(session, world, "dispatcher"), Role.DISPATCHER)
            await assignments.assign(session, row, world.crews["A3"], act, how="manual")
        assert await field.arrival(order) is None
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.crew_id == world.crews["A3"]
        assert feed.crew_token(world.crews["A3"]) in (await field.told(order))[-1]

    async def test_a_row_that_stayed_behind_is_swept_away(
        self, field: Field, order: UUID, database: Database
    ) -> None:
        await field.tick()
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE work_orders SET state = 'ONSITE' WHERE id = :id"), {"id": order}
            )
        assert await field.tick() == 1
        assert await field.arrival(order) is None


class TestTold:
    async def test_the_crew_and_the_station_hear_of_the_first_arrival(
        self, field: Field, order: UUID, world: World
    ) -> None:
        await field.tick()
        audience = {
            feed.crew_token(world.crews["A2"]),
            feed.station_token(world.stations["S01"]),
        }
        assert await field.told(order) == [audience]

    async def test_only_a_move_of_more_than_five_minutes_is_told(
        self, field: Field, order: UUID
    ) -> None:
        await field.tick()
        clock.advance(policy.TELL_AFTER)
        await field.tick()
        assert len(await field.told(order)) == 1
        clock.advance(3 * MINUTE)
        await field.tick()
        assert len(await field.told(order)) == 2
        found = await field.arrival(order)
        assert found is not None and found.told_arrive_at == found.arrive_at


class TestCrews:
    async def test_a_joint_order_waits_for_the_crew_that_comes_last(
        self, field: Field, world: World, database: Database
    ) -> None:
        order = await made(database, world, State.NEW, crew="A2")
        async with database.transaction() as session:
            row = await work_orders.locked_any(session, order)
            act = Act.now(await person(session, world, "dispatcher"), Role.DISPATCHER)
            people = [world.technicians["tech03"], world.technicians["tech04"]]
            await assignments.form_joint_crew(session, row, people, people[0], act, "two hands")
        await field.stand("tech04", 117.09, 36.65, NOW + MINUTE)
        await field.tick()
        found = await field.arrival(order)
        assert found is not None
        assert found.start_lon == pytest.approx(117.09)
        assert await field.tick() == 0

    async def test_before_its_shift_a_crew_sets_out_when_it_begins(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        begins = NOW + 120 * MINUTE
        await shifts_of(database, world, begins)
        await clocked_out(database)
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.depart_at == begins

    async def test_who_is_clocked_in_does_not_wait_for_the_next_shift(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        """The shift ended three hours ago, and the order is still in hand: they are on the move."""
        await shifts_of(database, world, NOW - 660 * MINUTE, NOW + 900 * MINUTE)
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.arrive_at == NOW + timedelta(seconds=268)

    @pytest.mark.parametrize(("ended", "waits"), [(59, False), (60, True)])
    async def test_within_the_overtime_nobody_waits_for_the_next_shift(
        self,
        field: Field,
        order: UUID,
        world: World,
        database: Database,
        ended: int,
        waits: bool,
    ) -> None:
        begins = NOW + 900 * MINUTE
        await shifts_of(database, world, NOW - (480 + ended) * MINUTE, begins)
        await clocked_out(database)
        await field.tick()
        found = await field.arrival(order)
        assert found is not None and found.depart_at == (begins if waits else NOW)

    async def test_a_crew_that_nobody_can_place_is_left_alone_until_something_changes(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        async with database.transaction() as session:
            await session.execute(text("UPDATE presence SET location = NULL, location_at = NULL"))
            await session.execute(text("UPDATE stations SET location = NULL, area = NULL"))
        assert await field.tick() == 1
        assert await field.tick() == 0
        other = await made(database, world, State.SENT, premises="锦绣家园3-1-101")
        assert [await field.tick() for _ in range(2)] == [1, 0], "it got another order"
        clock.advance(policy.UNPLACED_FOR)
        assert [await field.tick() for _ in range(2)] == [1, 0], "its station may have a place"
        await field.stand("tech03", 117.03, 36.65)
        assert [await field.tick() for _ in range(2)] == [1, 0], "it was measured"
        assert await field.arrival(order) is not None
        assert await field.arrival(other) is not None

    async def test_a_hold_ends_the_wait(
        self, field: Field, order: UUID, world: World, database: Database
    ) -> None:
        await field.tick()
        async with database.transaction() as session:
            row = await work_orders.locked_any(session, order)
            asked = await approvals.request_hold(
                session,
                row,
                await leader_act(session, row),
                reason="customer_absent",
                until=NOW + 1440 * MINUTE,
                note="用户不在家",
                proof=Proof("sms", "短信 0115-08"),
            )
            chief = await person(session, world, "chief1")
            await approvals.decide(session, chief, asked.id, True, None)
        assert await field.arrival(order) is None
