"""Technicians, crews and shifts over HTTP, and what a crew can take on."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.core.problems import NotFound
from app.identity import service as identity
from app.organisation import service
from app.organisation.errors import CrewNotFormed, ShiftNotValid
from app.organisation.models import CrewMember, Technician, TechnicianSkill
from app.organisation.policy import check_shift
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
        )
        able = await service.capability(session, crew.id, NOW)
        assert crew.code == "J-S01-260115-0001"
        assert (able.size, able.skills["PL"], able.on_shift, able.online) == (3, 3, True, True)
        off = await service.capability(session, crew.id, NOW + timedelta(hours=12))
        assert not off.on_shift
        mine = await service.crew_ids_of(session, people[2], NOW)
        assert mine == {world.crews["B1"], crew.id}

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


class TestListTechnicians:
    async def test_shows_skills_and_who_is_at_work(
        self, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        answer = (await client.get("/technicians", headers=as_("chief2"))).json()
        assert [each["employee_no"] for each in answer["items"]] == ["E-tech05", "E-tech06"]
        assert answer["items"][1]["clocked_in"] is True
        assert [each["skill"] for each in answer["items"][1]["skills"]] == ["HP1", "PL"]

    async def test_a_foreign_station_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        answer = await client.get(
            "/technicians",
            params={"station_id": str(world.stations["S01"])},
            headers=as_("chief2"),
        )
        assert answer.status_code == 404


class TestCreateTechnician:
    async def test_registers_an_account_and_grants_the_role(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        body = {
            "user_id": str(world.users["reviewer2"]),
            "station_id": str(world.stations["S02"]),
            "employee_no": "E-99",
            "name": "李工",
        }
        made = await client.post("/technicians", headers=as_("manager"), json=body)
        assert made.status_code == 201, made.text
        person = await identity.principal_of_user(session, world.users["reviewer2"])
        assert str(person.technician_id) == made.json()["id"]
        assert "technician" in person.roles
        again = await client.post("/technicians", headers=as_("manager"), json=body)
        assert again.json()["type"] == "urn:paigong:problem:user-is-technician"

    async def test_a_taken_employee_number_is_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = {
            "user_id": str(world.users["reviewer2"]),
            "station_id": str(world.stations["S02"]),
            "employee_no": "E-tech01",
            "name": "李工",
        }
        answer = await client.post("/technicians", headers=as_("manager"), json=body)
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:paigong:problem:code-taken",
        )

    async def test_an_unknown_account_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = {
            "user_id": str(uuid4()),
            "station_id": str(world.stations["S02"]),
            "employee_no": "E-98",
            "name": "无",
        }
        answer = await client.post("/technicians", headers=as_("manager"), json=body)
        assert answer.status_code == 404


class TestSetTechnicianSkills:
    async def test_replaces_all_skills(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        url = f"/technicians/{world.technicians['tech03']}/skills"
        skills = [
            {"skill": "HE", "certificate_no": "A-1", "expires_on": "2026-01-14"},
            {"skill": "HN", "expires_on": None},
        ]
        answer = await client.put(url, headers=as_("admin"), json={"skills": skills})
        held = answer.json()["skills"]
        assert [(each["skill"], each["valid"]) for each in held] == [("HE", False), ("HN", True)]

    async def test_what_cannot_be_meant_changes_nothing(
        self, client: httpx.AsyncClient, as_: Headers, session: AsyncSession, world: World
    ) -> None:
        url = f"/technicians/{world.technicians['tech03']}/skills"
        bad: list[tuple[list[dict[str, Any]], str]] = [
            ([{"skill": "PLUMBING"}], "unknown-skill"),
            ([{"skill": "HE"}, {"skill": "HE"}], "invalid-input"),
            ([{"skill": "HE", "expires_on": "tomorrow"}], "invalid-input"),
        ]
        for skills, type_ in bad:
            answer = await client.put(url, headers=as_("admin"), json={"skills": skills})
            assert answer.status_code == 422
            assert answer.json()["type"] == f"urn:paigong:problem:{type_}"
        able = await service.capability(session, world.crews["A2"], NOW)
        assert able.skills == {"HB": 1, "HE": 1, "HP1": 1}


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
        assert await service.crew_ids_of(session, helper, NOW) == {a3}

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


def shift(world: World, crew: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"crew_id": str(world.crews[crew]), "starts_at": start, "ends_at": end, **more}


class TestCreateShift:
    async def test_is_kept_in_utc_with_its_breaks(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        rest = {
            "from": "2026-01-16T11:30:00+08:00",
            "to": "2026-01-16T13:00:00+08:00",
            "duration_s": 1800,
        }
        body = shift(
            world, "A1", "2026-01-16T08:00:00+08:00", "2026-01-16T18:00:00+08:00", breaks=[rest]
        )
        made = await client.post("/shifts", headers=as_("dispatcher1"), json=body)
        assert made.status_code == 201, made.text
        assert made.json()["starts_at"] == "2026-01-16T00:00:00Z"
        assert made.json()["breaks"][0]["from"] == "2026-01-16T03:30:00Z"
        listed = await client.get(
            "/shifts",
            params={"from": "2026-01-16T00:00:00Z", "to": "2026-01-17T00:00:00Z"},
            headers=as_("dispatcher1"),
        )
        assert [each["id"] for each in listed.json()] == [made.json()["id"]]

    async def test_an_overlap_is_refused_but_a_touching_shift_is_not(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        over = shift(world, "A1", "2026-01-15T18:59:00+08:00", "2026-01-15T23:00:00+08:00")
        answer = await client.post("/shifts", headers=as_("dispatcher1"), json=over)
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:paigong:problem:shift-overlaps",
        )
        next_ = shift(world, "A1", "2026-01-15T19:00:00+08:00", "2026-01-15T23:00:00+08:00")
        answer = await client.post("/shifts", headers=as_("dispatcher1"), json=next_)
        assert answer.status_code == 201

    async def test_times_that_cannot_be_meant_are_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        for start, end, type_ in (
            ("2026-01-16T18:00:00Z", "2026-01-16T08:00:00Z", "shift-not-valid"),
            ("2026-01-16T08:00:00Z", "2026-01-17T08:00:01Z", "shift-not-valid"),
            ("2026-01-16T08:00:00", "2026-01-16T18:00:00", "invalid-input"),
            ("9999-12-31T23:00:00Z", "9999-12-31T23:30:00Z", "invalid-input"),
        ):
            body = shift(world, "A1", start, end)
            answer = await client.post("/shifts", headers=as_("dispatcher1"), json=body)
            assert answer.status_code == 422, start
            assert answer.json()["type"] == f"urn:paigong:problem:{type_}"

    async def test_a_foreign_crew_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = shift(world, "B1", "2026-01-16T08:00:00Z", "2026-01-16T18:00:00Z")
        answer = await client.post("/shifts", headers=as_("dispatcher1"), json=body)
        assert answer.status_code == 404


class TestCheckShift:
    @pytest.mark.parametrize(
        "breaks",
        [
            [(-1, 1, 60)],
            [(9, 11, 60)],
            [(4, 4, 60)],
            [(4, 5, 3601)],
            [(4, 6, 60), (5, 7, 60)],
        ],
    )
    def test_a_break_outside_or_over_another_is_refused(
        self, breaks: list[tuple[int, int, int]]
    ) -> None:
        hours = [
            (NOW + timedelta(hours=a), NOW + timedelta(hours=b), seconds)
            for a, b, seconds in breaks
        ]
        with pytest.raises(ShiftNotValid):
            check_shift(NOW, NOW + timedelta(hours=10), hours)

    def test_breaks_apart_are_taken(self) -> None:
        hours = [
            (NOW + timedelta(hours=2), NOW + timedelta(hours=3), 1800),
            (NOW + timedelta(hours=3), NOW + timedelta(hours=4), 3600),
        ]
        check_shift(NOW, NOW + timedelta(hours=10), hours)


class TestCrewIdsOf:
    async def test_a_membership_holds_until_it_ends(
        self, session: AsyncSession, world: World
    ) -> None:
        technician_id = world.technicians["tech02"]
        query = select(CrewMember).where(col(CrewMember.technician_id) == technician_id)
        member = (await session.exec(query)).one()
        member.until = clock.now() + timedelta(hours=1)
        session.add(member)
        await session.flush()
        at = [NOW - timedelta(seconds=1), NOW, NOW + timedelta(hours=1)]
        found = [await service.crew_ids_of(session, technician_id, each) for each in at]
        assert found == [frozenset(), {world.crews["A1"]}, frozenset()]


class TestInactiveTechnician:
    async def test_is_no_member_any_more(self, session: AsyncSession, world: World) -> None:
        person = await session.get_one(Technician, world.technicians["tech02"])
        person.active = False
        session.add(person)
        await session.flush()
        assert (await service.capability(session, world.crews["A1"], NOW)).size == 1
