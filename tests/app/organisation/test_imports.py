"""Stations and technicians from files: all or nothing, and safe to repeat."""

from pathlib import Path

from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.permissions import Role
from app.identity import service as identity
from app.organisation import service
from app.organisation.imports import (
    SETTLEMENT_COLUMNS,
    STATION_COLUMNS,
    TECHNICIAN_COLUMNS,
    import_stations,
    import_technicians,
)
from app.organisation.models import Crew, Station, Technician
from tests.factories.world import NOW, World

AREA = '"POLYGON((117.2 36.6,117.3 36.6,117.3 36.7,117.2 36.7,117.2 36.6))"'


def stations_csv(*lines: str) -> str:
    return "\n".join([",".join(STATION_COLUMNS), *lines]) + "\n"


def contractors_csv(*lines: str) -> str:
    return "\n".join([",".join([*STATION_COLUMNS, *SETTLEMENT_COLUMNS]), *lines]) + "\n"


async def settlements(session: AsyncSession) -> dict[str, tuple[bool, str | None]]:
    rows = await session.exec(select(Station.code, Station.contractor, Station.settlement_unit))
    return {code: (contractor, unit) for code, contractor, unit in rows}


def technicians_csv(*lines: str) -> str:
    return "\n".join([",".join(TECHNICIAN_COLUMNS), *lines]) + "\n"


NEW_PAIR = technicians_csv(
    "T1,王芳,wangfang,13700000001,S01,A9,leader,HP1:2027-12-31|HB:",
    "T2,赵强,zhaoqiang,,S01,A9,helper,HP1:2025-12-31",
)


class TestImportStations:
    async def test_founds_the_tree_in_any_order(self, session: AsyncSession) -> None:
        report = await import_stations(
            session,
            stations_csv("S03-A,站点,S03,,,", f"S03,三站,CO,{AREA},117.25,36.65"),
        )
        assert (report.errors, report.created) == ([], 2)
        found = await service.station_at(session, 117.25, 36.65)
        assert found is not None and found.path == "/CO/S03/"
        child = (await session.exec(select(Station).where(Station.code == "S03-A"))).one()
        assert child.path == "/CO/S03/S03-A/"

    async def test_a_repeated_file_changes_nothing(self, session: AsyncSession) -> None:
        file = stations_csv(f"S03,三站,CO,{AREA},117.25,36.65")
        await import_stations(session, file)
        again = await import_stations(session, file)
        assert (again.created, again.updated, again.unchanged) == (0, 0, 1)
        renamed = await import_stations(session, file.replace("三站", "新三站"))
        assert (renamed.created, renamed.updated) == (0, 1)

    async def test_every_wrong_cell_is_reported_and_nothing_written(
        self, session: AsyncSession
    ) -> None:
        report = await import_stations(
            session,
            stations_csv(
                f"S03,三站,CO,{AREA},117.25,36.65",
                "S04,四站,NOWHERE,,,",
                'S05,五站,CO,"POLYGON((0 0,1 1,1 0,0 1,0 0))",,',
                "S06,六站,CO,circle,,",
                "S07,七站,CO,,36.65,117.25",
                "S01,一站,S02,,,",
                "S08,八站,S09,,,",
                "S09,九站,S08,,,",
                "S03,又三站,CO,,,",
            ),
        )
        found = {(error.line, error.column) for error in report.errors}
        assert found == {
            (3, "parent_code"),
            (4, "area_wkt"),
            (5, "area_wkt"),
            (6, "lat"),
            (7, "parent_code"),
            (8, "parent_code"),
            (9, "parent_code"),
            (10, "code"),
        }
        assert all(error.why and error.action for error in report.errors)
        assert len((await session.exec(select(Station))).all()) == 3

    async def test_contractors_and_units_may_be_given(self, session: AsyncSession) -> None:
        file = contractors_csv("S03,三站,CO,,,,yes,U3", "S04,四站,CO,,,,no,", "S05,五站,CO,,,,,")
        assert (await import_stations(session, file)).errors == []
        found = await settlements(session)
        assert (found["S03"], found["S04"], found["S05"]) == (
            (True, "U3"),
            (False, None),
            (False, None),
        )
        assert (await import_stations(session, file)).unchanged == 3
        ended = contractors_csv("S03,三站,CO,,,,,")
        assert (await import_stations(session, ended)).updated == 1
        assert (await settlements(session))["S03"] == (False, None)

    async def test_a_file_without_these_columns_leaves_them(self, session: AsyncSession) -> None:
        await import_stations(session, contractors_csv("S03,三站,CO,,,,yes,U3"))
        assert (await import_stations(session, stations_csv("S03,三站,CO,,,"))).unchanged == 1
        assert (await import_stations(session, stations_csv("S03,新三站,CO,,,"))).updated == 1
        assert (await settlements(session))["S03"] == (True, "U3")

    async def test_wrong_contractors_and_units_are_reported(self, session: AsyncSession) -> None:
        report = await import_stations(
            session, contractors_csv("S03,三站,CO,,,,maybe,U3", "S04,四站,CO,,,,no,U 4")
        )
        found = {(error.line, error.column) for error in report.errors}
        assert found == {(2, "contractor"), (3, "settlement_unit")}
        assert all(error.why and error.action for error in report.errors)

    async def test_a_wrong_header_is_told_at_once(self, session: AsyncSession) -> None:
        report = await import_stations(session, "code,name,parent\nS03,三站,CO\n")
        named = [(error.line, error.column) for error in report.errors]
        assert (1, "parent_code") in named and (1, "parent") in named

    async def test_a_chinese_spreadsheet_is_read(
        self, session: AsyncSession, tmp_path: Path
    ) -> None:
        file = tmp_path / "stations.csv"
        file.write_bytes(stations_csv("S03,三站,CO,,,").encode("gb18030"))
        assert (await import_stations(session, file)).errors == []
        row = (await session.exec(select(Station).where(Station.code == "S03"))).one()
        assert row.name == "三站"

    async def test_bytes_that_are_no_text_are_refused(
        self, session: AsyncSession, tmp_path: Path
    ) -> None:
        file = tmp_path / "stations.csv"
        file.write_bytes(b"\xff\xfe\x00\x81\xff")
        (error,) = (await import_stations(session, file)).errors
        assert error.line == 1


class TestImportTechnicians:
    async def test_makes_accounts_skills_and_crews(
        self, session: AsyncSession, world: World
    ) -> None:
        seen: list[tuple[int, int]] = []
        report = await import_technicians(
            session, NEW_PAIR, lambda done, total: seen.append((done, total))
        )
        assert (report.errors, report.created) == ([], 2)
        assert seen == [(1, 2), (2, 2)]
        crew = (await session.exec(select(Crew).where(Crew.code == "A9"))).one()
        able = await service.capability(session, crew.id, NOW)
        assert (able.size, able.skills, able.expired) == (2, {"HB": 1, "HP1": 1}, {"HP1": 1})
        person = await identity.principal_of_user(session, able.members[0].user_id)
        assert person.roles == {Role.TECHNICIAN}
        assert person.grants[0].stations == {world.stations["S01"]}

    async def test_a_repeated_file_changes_nothing(self, session: AsyncSession) -> None:
        await import_technicians(session, NEW_PAIR)
        counted = "SELECT (SELECT count(*) FROM crew_members), (SELECT count(*) FROM change_feed)"
        before = (await session.execute(text(counted))).one()
        again = await import_technicians(session, NEW_PAIR)
        assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
        assert (await session.execute(text(counted))).one() == before

    async def test_two_members_may_change_places(self, session: AsyncSession) -> None:
        await import_technicians(session, NEW_PAIR)
        swapped = NEW_PAIR.replace("leader", "x").replace("helper", "leader").replace("x", "helper")
        report = await import_technicians(session, swapped)
        assert (report.errors, report.updated) == ([], 2)
        crew = (await session.exec(select(Crew).where(Crew.code == "A9"))).one()
        able = await service.capability(session, crew.id, NOW)
        assert [(m.name, m.role) for m in able.members] == [("赵强", "leader"), ("王芳", "helper")]

    async def test_every_wrong_cell_is_reported_and_nothing_written(
        self, session: AsyncSession
    ) -> None:
        report = await import_technicians(
            session,
            technicians_csv(
                "T1,王芳,wangfang,13700000001,S01,A9,leader,HP1:2027-12-31",
                "T2,赵强,zhaoqiang,phone,S01,A9,helper,HP1:2025-12-31",
                "T3,钱,qian,,S77,,,HP1:",
                "T4,孙,sun,,S01,,,PLUMBING:|HP1:soon",
                "T5,李,li,,S01,,,PLUMBING:",
                "T6,周,wangfang,,S01,A2,helper,",
                "T7,吴,agent,,S01,A2,leader,",
                "T8,郑,tech01,,S01,,leader,",
                "T1,冯,feng,,S02,A9,helper,",
                "T9,陈,chen,,S01,B1,helper,",
                "E-tech01,褚,tech02,,S01,,,",
            ),
        )
        found = {(error.line, error.column) for error in report.errors}
        assert found == {
            (3, "phone"),
            (4, "station_code"),
            (5, "skills"),
            (6, "skills"),
            (7, "username"),
            (7, "crew_role"),  # A2 keeps its leader, who is not in the file
            (9, "-"),
            (10, "employee_no"),
            (10, "crew_code"),
            (11, "crew_code"),
            (12, "username"),
        }
        assert len((await session.exec(select(Technician))).all()) == 6
        assert (await session.exec(select(Crew).where(Crew.code == "A9"))).first() is None
