"""Crews over HTTP, and what a crew can take on."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.db import Database
from app.core.feed import ChangeFeed
from app.core.problems import NotFound
from app.identity import service as identity
from app.organisation import service
from app.organisation.errors import CrewNotFormed
from app.organisation.models import CrewMember, Technician, TechnicianSkill
from tests.conftest import Headers
from tests.factories.world import NOW, World


async def lapse(session: AsyncSession, technician_id: UUID, skill: str, on: date) -> None:
    query = select(TechnicianSkill).where(
        TechnicianSkill.technician_id == technician_id, TechnicianSkill.skill == skill
    )
    held = (await session.exec(query)).one()
    held.expires_on = on
    session.add(held)
    await session.flush()


class TestCapability:
    async def test_counts_members_and_their_skills(
        self, session: AsyncSession, world: World
    ) -> None:
        able = await service.capability(session, world.crews["A1"], NOW)
        assert (able.size, able.online, able.on_shift, able.active) == (2, True, True, True)
        assert able.skills["PL"] == 2 and able.skills["HB"] == 1
        assert [member.role for member in able.members] == ["leader", "helper"]

    async def test_a_certificate_counts_through_its_last_local_day(
        self, session: AsyncSession, world: World
    ) -> None:
        await lapse(session, world.technicians["tech01"], "PL", date(2026, 1, 15))
        last_minute = datetime(2026, 1, 15, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
        crew = world.crews["A1"]
        assert (await service.capability(session, crew, last_minute)).skills["PL"] == 2
        after = await service.capability(session, crew, last_minute + timedelta(minutes=1))
        assert (after.skills["PL"], after.expired) == (1, {"PL": 1})

    async def test_a_trainee_counts_in_neither_size_nor_skills(
        self, session: AsyncSession, world: World
    ) -> None:
        query = select(CrewMember).where(CrewMember.technician_id == world.technicians["tech02"])
        helper = (await session.exec(query)).one()
        helper.role = "trainee"
        session.add(helper)
        await session.flush()
        able = await service.capability(session, world.crews["A1"], NOW)
        assert (able.size, able.skills["PL"], len(able.members)) == (1, 1, 2)

    async def test_after_the_shift_the_crew_is_off(
        self, session: AsyncSession, world: World
    ) -> None:
        late = NOW + timedelta(hours=11)
        assert not (await service.capability(session, world.crews["A1"], late)).on_shift

    async def test_with_everybody_clocked_out_the_crew_is_offline(
        self, session: AsyncSession, world: World
    ) -> None:
        await service.clock_out(session, world.technicians["tech03"], NOW)
        assert not (await service.capability(session, world.crews["A2"], NOW)).online

    async def test_an_unknown_crew_is_not_found(self, session: AsyncSession) -> None:
        with pytest.raises(NotFound):
            await service.capability(session, uuid4(), NOW)


class TestCapabilities:
    async def test_answers_every_active_crew_of_the_stations(
        self, session: AsyncSession, world: World
    ) -> None:
        found = await service.capabilities(session, [world.stations["S01"]], NOW)
        assert [each.crew_id for each in found] == [world.crews[c] for c in ("A1", "A2", "A3")]

    async def test_crews_named_besides_are_answered_the_same_way(
        self, session: AsyncSession, world: World
    ) -> None:
        asked = [world.crews["B1"], world.crews["A1"]]
        found = await service.capabilities(session, [world.stations["S01"]], NOW, besides=asked)
        crews = [world.crews[code] for code in ("A1", "A2", "A3", "B1")]
        assert [each.crew_id for each in found] == crews
        assert found[-1] == await service.capability(session, world.crews["B1"], NOW)


class TestJointCrew:
    async def test_adds_up_its_members_and_works_while_their_crews_do(
        self, session: AsyncSession, world: World
    ) -> None:
        people = [world.technicians[name] for name in ("tech01", "tech02", "tech05")]
        crew = await service.form_joint_crew(
            session,
            station_id=world.stations["S01"],
            technician_ids=people,
            leader_id=people[0],
            name="断线抢修",
            since=NOW,
        )
        able = await service.capability(session, crew.id, NOW)
        assert crew.code == "J-S01-260115-0001"
        assert (able.size, able.skills["PL"], able.on_shift, able.online) == (3, 3, True, True)
        off = await service.capability(session, crew.id, NOW + timedelta(hours=12))
        assert not off.on_shift
        lender = await identity.principal_of_user(session, world.users["tech05"])
        assert lender.crew_ids == {world.crews["B1"], crew.id}

    async def test_takes_nobody_of_a_station_that_is_not_offered(
        self, session: AsyncSession, world: World
    ) -> None:
        people = [world.technicians[name] for name in ("tech01", "tech05")]
        with pytest.raises(NotFound):
            await service.form_joint_crew(
                session,
                station_id=world.stations["S01"],
                technician_ids=people,
                leader_id=people[0],
                name="x",
                since=NOW,
                within=frozenset({world.stations["S01"]}),
            )

    async def test_ends_with_its_memberships_and_a_standing_crew_does_not(
        self, session: AsyncSession, world: World
    ) -> None:
        people = [world.technicians[name] for name in ("tech01", "tech05")]
        crew = await service.form_joint_crew(
            session,
            station_id=world.stations["S01"],
            technician_ids=people,
            leader_id=people[0],
            name="x",
            since=NOW,
        )
        end = NOW + timedelta(hours=1)
        await service.end_joint_crew(session, crew.id, end)
        await service.end_joint_crew(session, world.crews["A1"], end)
        before = await service.capability(session, crew.id, end - timedelta(seconds=1))
        after = await service.capability(session, crew.id, end)
        assert (len(before.members), len(after.members), after.active) == (2, 0, False)
        assert (await service.capability(session, world.crews["A1"], end)).size == 2
        told = (
            await session.exec(select(ChangeFeed).where(ChangeFeed.entity_id == crew.id))
        ).all()[-1]
        assert set(told.audience_before) >= {
            feed.user_token(world.users[name]) for name in ("tech01", "tech05")
        }
        assert told.audience_after == [feed.station_token(world.stations["S01"])]

    async def test_needs_two_and_a_leader_among_them(
        self, session: AsyncSession, world: World
    ) -> None:
        for names in (["tech01"], ["tech02", "tech05"], []):
            with pytest.raises(CrewNotFormed):
                await service.form_joint_crew(
                    session,
                    station_id=world.stations["S01"],
                    technician_ids=[world.technicians[name] for name in names],
                    leader_id=world.technicians["tech01"],
                    name="x",
                    since=NOW,
                )


class TestGetCrewCapability:
    async def test_says_why_a_crew_is_not_offered(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            await lapse(session, world.technicians["tech02"], "PL", date(2026, 1, 14))
        url = f"/crews/{world.crews['A1']}/capability"
        answer = (await client.get(f"{url}?fault_code=P08", headers=as_("dispatcher1"))).json()
        assert answer["obstacles"] == [
            {"code": "crew_too_small", "skill": None, "needed": 3, "held": 2},
            {"code": "skill_missing", "skill": "PL", "needed": 3, "held": 1},
        ]
        answer = (await client.get(f"{url}?fault_code=P01", headers=as_("dispatcher1"))).json()
        assert answer["obstacles"] == [
            {"code": "certificate_expired", "skill": "PL", "needed": 2, "held": 1}
        ]
        assert answer["expired"] == {"PL": 1}

    async def test_a_crew_that_would_be_offered_has_no_obstacles(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/crews/{world.crews['A1']}/capability?fault_code=H10"
        assert (await client.get(url, headers=as_("chief1"))).json()["obstacles"] == []

    async def test_a_foreign_crew_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/crews/{world.crews['B1']}/capability"
        assert (await client.get(url, headers=as_("chief1"))).status_code == 404


class TestCrewMembership:
    async def test_a_technician_changes_crews_by_leaving_first(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        a1, a3 = world.crews["A1"], world.crews["A3"]
        helper = world.technicians["tech02"]
        body = {"technician_id": str(helper), "role": "helper"}
        early = await client.post(f"/crews/{a3}/members", headers=as_("manager"), json=body)
        assert early.json()["type"] == "urn:paigong:problem:already-crew-member"
        left = await client.delete(f"/crews/{a1}/members/{helper}", headers=as_("manager"))
        assert left.status_code == 204
        joined = await client.post(f"/crews/{a3}/members", headers=as_("manager"), json=body)
        assert [each["role"] for each in joined.json()["members"]] == ["leader", "helper"]
        able = await service.capability(session, a3, NOW)
        assert [each.technician_id for each in able.members][1:] == [helper]

    async def test_a_second_leader_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        a1, a3 = world.crews["A1"], world.crews["A3"]
        helper = world.technicians["tech02"]
        await client.delete(f"/crews/{a1}/members/{helper}", headers=as_("manager"))
        body = {"technician_id": str(helper), "role": "leader"}
        answer = await client.post(f"/crews/{a3}/members", headers=as_("manager"), json=body)
        assert answer.json()["type"] == "urn:paigong:problem:crew-has-leader"

    async def test_who_is_not_a_member_cannot_leave(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/crews/{world.crews['A1']}/members/{world.technicians['tech05']}"
        assert (await client.delete(url, headers=as_("manager"))).status_code == 404


class TestCreateCrew:
    async def test_forms_a_crew_with_its_members(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        a3 = world.crews["A3"]
        leader = world.technicians["tech04"]
        await client.delete(f"/crews/{a3}/members/{leader}", headers=as_("manager"))
        body = {
            "code": "A4",
            "name": "夜班",
            "station_id": str(world.stations["S01"]),
            "members": [{"technician_id": str(leader), "role": "leader"}],
        }
        made = await client.post("/crews", headers=as_("manager"), json=body)
        assert made.status_code == 201, made.text
        assert [each["name"] for each in made.json()["members"]] == ["Tech04"]
        codes = (await client.get("/crews", headers=as_("chief1"))).json()["items"]
        assert [each["code"] for each in codes] == ["A1", "A2", "A3", "A4"]

    async def test_a_refused_member_leaves_no_crew(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = {
            "code": "A4",
            "name": "夜班",
            "station_id": str(world.stations["S01"]),
            "members": [{"technician_id": str(world.technicians["tech01"]), "role": "leader"}],
        }
        assert (await client.post("/crews", headers=as_("manager"), json=body)).status_code == 409
        codes = (await client.get("/crews", headers=as_("chief1"))).json()["items"]
        assert [each["code"] for each in codes] == ["A1", "A2", "A3"]


class TestMembership:
    async def test_holds_until_it_ends(self, session: AsyncSession, world: World) -> None:
        technician_id = world.technicians["tech02"]
        query = select(CrewMember).where(col(CrewMember.technician_id) == technician_id)
        member = (await session.exec(query)).one()
        member.until = clock.now() + timedelta(hours=1)
        session.add(member)
        await session.flush()
        at = [NOW - timedelta(seconds=1), NOW, NOW + timedelta(hours=1)]
        able = [await service.capability(session, world.crews["A1"], each) for each in at]
        found = [technician_id in {each.technician_id for each in crew.members} for crew in able]
        assert found == [False, True, False]


class TestInactiveTechnician:
    async def test_is_no_member_any_more(self, session: AsyncSession, world: World) -> None:
        person = await session.get_one(Technician, world.technicians["tech02"])
        person.active = False
        session.add(person)
        await session.flush()
        assert (await service.capability(session, world.crews["A1"], NOW)).size == 1
