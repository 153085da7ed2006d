"""Technicians and their skills over HTTP."""

from typing import Any
from uuid import uuid4

import httpx
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.db import Database
from app.core.permissions import Role
from app.identity import service as identity
from app.organisation import service
from tests.conftest import Headers
from tests.factories.world import NOW, PASSWORD, World


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

    async def test_an_account_of_a_foreign_station_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, database: Database, world: World
    ) -> None:
        async with database.transaction() as session:
            s01 = world.stations["S01"]
            await identity.grant(session, world.users["dispatcher1"], Role.MANAGER, s01)
            fresh = await identity.create_user(
                session, username="fresh", password=PASSWORD + " fresh", display_name="新人"
            )
        body = {"station_id": str(s01), "employee_no": "E-97", "name": "李工"}
        for username in ("reviewer2", "manager"):
            foreign = body | {"user_id": str(world.users[username])}
            answer = await client.post("/technicians", headers=as_("dispatcher1"), json=foreign)
            assert answer.status_code == 404
        for number, user_id in enumerate((world.users["chief1"], fresh.id)):
            own = body | {"user_id": str(user_id), "employee_no": f"E-9{number}"}
            answer = await client.post("/technicians", headers=as_("dispatcher1"), json=own)
            assert answer.status_code == 201, answer.text


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
