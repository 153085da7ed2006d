"""Alarms: who is told when nobody answers, and that only a phone's own word ends them."""

from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col, select

from app.core import clock
from app.core.db import Database
from app.core.i18n import Text
from app.notifications import alarms, policy
from app.notifications.errors import LadderInvalid
from app.notifications.ladder_models import Alarm, Climb, OnCall
from app.notifications.ladders import ladders_from
from app.notifications.texts import JobTold, sentence
from app.organisation.models import Attendance
from tests.app.notifications.records import dispatches
from tests.conftest import Headers
from tests.factories.desk import Desk
from tests.factories.phone import Phone
from tests.factories.world import World

FILE = """
effective_from = 2026-01-01T00:00:00+08:00
source = "test"
quiet = { from = "22:00", until = "07:00" }
[ladders.x]
kinds = ["new"]
classes = ["E1"]
keeps_quiet = false
burst_s = 0
steps = [{ after_s = 0, acts = ["push"] }, { after_s = 20, acts = ["red"] }]
"""
HEATING = Text("室温不热", "No heat")


class TestFiles:
    def test_a_ladder_is_data(self) -> None:
        (row,) = ladders_from(FILE)
        assert row.steps[1] == {"after_s": 20, "acts": ["red"]}
        assert (row.quiet_from, row.quiet_until) == ("22:00", "07:00")

    @pytest.mark.parametrize(
        ("was", "becomes"),
        [
            ("after_s = 0", "after_s = 5"),
            ("after_s = 20", "after_s = 0"),
            ('"red"', '"pigeon"'),
            ('"red"', '"chief"'),
            ('"E1"', '"E9"'),
            ("22:00", "25:00"),
            ("+08:00", ""),
            ("[ladders.x]", "[ladders.x"),
            ("burst_s = 0", ""),
        ],
    )
    def test_what_is_no_ladder_is_refused(self, was: str, becomes: str) -> None:
        assert was in FILE
        with pytest.raises(LadderInvalid):
            ladders_from(FILE.replace(was, becomes, 1))

    def test_two_ladders_cannot_claim_the_same(self) -> None:
        head, body = FILE.split("[ladders.x]")
        with pytest.raises(LadderInvalid, match="claim the same"):
            ladders_from(f"{head}[ladders.x]{body}[ladders.y]{body}")


class TestRules:
    @pytest.mark.parametrize(
        ("at", "quiet"), [("21:59", False), ("22:00", True), ("03:00", True), ("07:00", False)]
    )
    def test_quiet_hours_pass_midnight(self, at: str, quiet: bool) -> None:
        assert policy.is_quiet(time.fromisoformat(at), "22:00", "07:00") is quiet

    def test_equal_hours_are_no_hours(self) -> None:
        assert not policy.is_quiet(time(3), "00:00", "00:00")

    def test_at_night_a_crew_off_shift_and_a_chief_are_spared_but_never_the_red_list(self) -> None:
        acts = ["push", "sms", "voice", "chief", "red"]
        assert policy.acts_now(acts, quiet=True, on_shift=False).taken == ["push", "red"]
        assert policy.acts_now(acts, quiet=True, on_shift=True).left_out == ["chief"]
        assert policy.acts_now(acts, quiet=False, on_shift=False).left_out == []

    def test_the_calls_of_a_ladder_are_counted(self) -> None:
        steps = [{"acts": ["push"]}, {"acts": ["voice"]}, {"acts": ["voice", "chief"]}]
        assert [policy.nth_voice(steps, n) for n in (1, 2)] == [0, 1]


class TestSentences:
    def test_one_job_says_where_and_what(self) -> None:
        job = JobTold("new", "锦绣家园3号楼", HEATING, "E2")
        assert sentence([job], "zh") == "新任务（锦绣家园3号楼）：室温不热（E2），请接单"
        assert sentence([job], "en") == "New job in 锦绣家园3号楼: No heat (E2)"

    def test_a_burst_is_one_sentence(self) -> None:
        same = [JobTold("new", "3号楼", HEATING, "E2")] * 5
        assert sentence(same, "en") == "5 new jobs in 3号楼"
        assert sentence(same, "zh") == "3号楼有5个新任务，请接单"
        apart = [*same, JobTold("withdrawn", "4号楼", HEATING, "E2")]
        assert sentence(apart, "zh") == "您有6条任务消息"
        assert sentence(apart, "en") == "6 messages about jobs"


async def one_alarm(database: Database) -> Alarm:
    async with database.transaction() as session:
        return (await session.exec(select(Alarm).order_by(col(Alarm.id).desc()))).all()[0]


async def climbs(database: Database) -> list[Climb]:
    async with database.transaction() as session:
        return list((await session.exec(select(Climb).order_by(col(Climb.step)))).all())


Told = Callable[[], Awaitable[list[tuple[str, str]]]]


@pytest.fixture
def told(database: Database, world: World) -> Told:
    """(username or `group`, channel) of what was queued since it was asked last."""
    names = {user_id: name for name, user_id in world.users.items()}
    seen: set[UUID] = set()

    async def new() -> list[tuple[str, str]]:
        rows = [row for row in await dispatches(database) if row.id not in seen]
        seen.update(row.id for row in rows)
        return sorted((names[row.user_id] if row.user_id else "group", row.channel) for row in rows)

    return new


async def later(database: Database, seconds: float) -> None:
    """So many seconds pass in which only the sweep runs."""
    clock.advance(timedelta(seconds=seconds))
    await alarms.sweep(database)


class TestClimbing:
    async def test_it_climbs_step_by_step_to_the_red_list_and_ends_with_the_phones_word(
        self,
        client: httpx.AsyncClient,
        desk: Desk,
        as_: Headers,
        database: Database,
        told: Told,
        world: World,
    ) -> None:
        order_id = await desk.sent(crew="A1", fault_code="H01")
        alarm = await one_alarm(database)
        steps = (await client.get("/notifications/ladders", headers=as_("admin"))).json()
        mine = next(each for each in steps if each["name"] == "ordinary")
        assert [each["after_s"] for each in mine["steps"]] == [0, 120, 300, 420, 540]

        assert await told() == [("tech01", "push"), ("tech02", "push")]
        await later(database, 119)
        assert await told() == [], "nothing before its time"
        await later(database, 1)
        texts = [("tech01", "push"), ("tech01", "sms"), ("tech02", "push"), ("tech02", "sms")]
        assert await told() == texts
        await later(database, 180)
        assert await told() == [("tech01", "voice")], "one call at a time, the leader first"
        await later(database, 120)
        assert await told() == [("chief1", "push"), ("chief1", "sms"), ("group", "staff")]
        await later(database, 120)
        assert await told() == []

        red = await client.get("/notifications/unheard", headers=as_("dispatcher"))
        (listed,) = red.json()
        assert listed["order_id"] == order_id
        assert (listed["crew_code"], listed["steps_taken"]) == ("A1", 5)
        other = await client.get("/notifications/unheard", headers=as_("chief2"))
        assert other.json() == []
        assert [each.acts for each in await climbs(database)][-1] == ["red"]
        assert all(each.at == each.due_at for each in await climbs(database))

        await Phone(client, as_("tech02")).pulls()
        alarm = await one_alarm(database)
        assert (alarm.closed_why, alarm.heard_by) == ("heard", world.users["tech02"])
        red = await client.get("/notifications/unheard", headers=as_("dispatcher"))
        assert red.json() == []

    async def test_danger_climbs_in_two_minutes_and_late_steps_are_made_good_at_once(
        self, desk: Desk, database: Database, told: Told
    ) -> None:
        await desk.sent(crew="A1", fault_code="H10")
        alarm = await one_alarm(database)
        await later(database, 3600)  # no worker lived for an hour
        assert [each.step for each in await climbs(database)] == list(
            range(len(await climbs(database)))
        )
        climbed = await one_alarm(database)
        assert climbed.red_at == clock.now()
        assert climbed.next_step_at is None
        assert alarm.red_at is None

    async def test_what_ends_an_alarm_and_what_does_not(
        self,
        client: httpx.AsyncClient,
        desk: Desk,
        as_: Headers,
        database: Database,
        told: Told,
        world: World,
    ) -> None:
        # A command that names the order ends it, and the other crew member hears no more either.
        first = await desk.sent(crew="A1")
        await Phone(client, as_("tech01")).do("accept", first)
        await told()
        await later(database, 3600)
        assert await told() == []
        assert (await one_alarm(database)).closed_why == "heard"

        # Another crew gets the next one: the first crew's alarm is moot, its farewell is not.
        second = await desk.sent(crew="A2", premises="锦绣家园1-1-102")
        await Phone(client, as_("tech03")).pulls()
        await desk.assign(second, "A3")
        async with database.transaction() as session:
            rows = (await session.exec(select(Alarm).where(Alarm.order_id == UUID(second)))).all()
        assert {(row.kind, row.closed_why) for row in rows} == {
            ("new", "heard"),
            ("withdrawn", None),
            ("new", None),
        }
        # A crew that never heard of it is told of the loss, but nobody has to make sure of it.
        await desk.withdraw(second)
        async with database.transaction() as session:
            rows = (await session.exec(select(Alarm).where(Alarm.order_id == UUID(second)))).all()
        assert [(row.kind, row.closed_why) for row in rows if row.closed_why == "moot"] == [
            ("new", "moot")
        ]
        assert {row.kind: row.crew_id for row in rows if row.closed_why is None} == {
            "withdrawn": world.crews["A2"]
        }
        # A chief's sign-in or a sync of a stranger ends nothing.
        await Phone(client, as_("tech05")).pulls()
        async with database.transaction() as session:
            rows = (await session.exec(select(Alarm).where(col(Alarm.closed_at).is_(None)))).all()
        assert [row.kind for row in rows] == ["withdrawn"]

    async def test_at_night_a_crew_off_shift_sleeps_and_the_list_turns_red_in_time(
        self, desk: Desk, database: Database, told: Told
    ) -> None:
        clock.advance(timedelta(hours=15))  # 23:00 in Shanghai; the shift ended at 19:00
        await desk.sent(crew="A2")
        async with database.transaction() as session:
            await session.execute(
                update(Attendance)
                .where(col(Attendance.clock_out_at).is_(None))
                .values(clock_out_at=clock.now())
            )
        await told()
        for seconds in (120, 180, 120, 120):
            await later(database, seconds)
        assert {channel for _, channel in await told()} == {"push"}
        assert (await one_alarm(database)).red_at == clock.now()
        assert [each.left_out for each in await climbs(database)] == [
            [],
            ["sms"],
            ["voice"],
            ["chief"],
            [],
        ]

    async def test_the_on_call_list_is_called_in_its_order(
        self,
        client: httpx.AsyncClient,
        desk: Desk,
        as_: Headers,
        database: Database,
        told: Told,
        world: World,
    ) -> None:
        station = world.stations["S01"]
        answer = await client.put(
            f"/notifications/on-call/{station}",
            json={"user_ids": [str(world.users["manager"]), str(world.users["dispatcher1"])]},
            headers=as_("chief1"),
        )
        assert answer.status_code == 200, answer.text
        assert [each["username"] for each in answer.json()] == ["manager", "dispatcher1"]
        foreign = await client.put(
            f"/notifications/on-call/{station}", json={"user_ids": []}, headers=as_("chief2")
        )
        assert foreign.status_code == 404
        await desk.sent(crew="A2")
        await later(database, 420)
        people = {name for name, channel in await told() if channel == "sms"}
        assert people == {"tech03", "manager", "dispatcher1"}
        async with database.transaction() as session:
            rows = (await session.exec(select(OnCall).order_by(col(OnCall.rank)))).all()
        assert [row.rank for row in rows] == [1, 2]
