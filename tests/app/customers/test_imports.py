"""Customers from a file: all or nothing, safe to repeat, a few statements per thousand rows."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database, count_statements
from app.customers import service
from app.customers.imports import CUSTOMER_COLUMNS, import_customers
from app.customers.models import Building, Customer, CustomerPhone
from app.organisation.places import place_out
from tests.factories.world import World

TABLES = (
    "communities",
    "buildings",
    "premises",
    "customers",
    "customer_phones",
    "occupancies",
    "account_flags",
)


def line(**changes: str) -> str:
    cells = {
        "customer_no": "K1",
        "name": "张三",
        "phone": "13712345678",
        "phone2": "",
        "station_code": "S01",
        "community": "新苑",
        "district": "历下区",
        "road": "解放路",
        "road_number": "8",
        "building": "5",
        "unit": "1",
        "room": "501",
        "lon": "117.05",
        "lat": "36.65",
        "datum": "wgs84",
        "zone": "urban",
        "flags": "",
        "language": "zh",
    } | changes
    return ",".join(cells[name] for name in CUSTOMER_COLUMNS)


def file_of(*lines: str) -> str:
    return "\n".join([",".join(CUSTOMER_COLUMNS), *lines]) + "\n"


async def counts(session: AsyncSession) -> list[int]:
    return [
        (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
        for table in TABLES
    ]


async def caller(session: AsyncSession, phone: str) -> Customer:
    """The one customer with this stored number."""
    numbered = select(CustomerPhone.customer_id).where(CustomerPhone.phone == phone)
    return (await session.exec(select(Customer).where(col(Customer.id).in_(numbered)))).one()


async def flags_of(session: AsyncSession, phone: str) -> frozenset[str]:
    customer = await caller(session, phone)
    room = (
        await session.execute(
            text("SELECT premises_id FROM occupancies WHERE customer_id = :id"),
            {"id": customer.id},
        )
    ).scalar_one()
    return (await service.premises(session, room)).flags


class TestImportCustomers:
    async def test_brings_building_premises_phones_and_flags(
        self, session: AsyncSession, world: World
    ) -> None:
        told: list[tuple[int, int]] = []
        report = await import_customers(
            session,
            file_of(
                line(flags="arrears|vulnerable", phone2="0531-8888 6666"),
                line(customer_no="K2", name="李四", room="502", phone="13712345679"),
                line(room="503"),
            ),
            lambda done, total: told.append((done, total)),
        )
        assert (report.errors, report.rows, report.created) == ([], 3, 2)
        assert told == [(3, 3)]
        building = (await session.exec(select(Building).where(Building.number == "5"))).one()
        assert building.address == "历下区解放路8号新苑5号楼"
        assert building.station_id == world.stations["S01"]
        customer = await caller(session, "053188886666")
        assert customer.name == "张三"
        second = await caller(session, "13712345679")
        assert second.customer_no == "K2"
        assert await flags_of(session, "13712345679") == frozenset()

    async def test_a_repeated_file_changes_nothing(self, session: AsyncSession) -> None:
        file = file_of(line(flags="arrears"), line(customer_no="K2", name="李四", room="502"))
        await import_customers(session, file)
        before = await counts(session)
        again = await import_customers(session, file)
        assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
        assert await counts(session) == before

    async def test_what_changed_is_updated(self, session: AsyncSession) -> None:
        await import_customers(session, file_of(line()))
        report = await import_customers(session, file_of(line(name="张三丰")))
        assert (report.created, report.updated) == (0, 1)
        row = (await session.exec(select(Customer).where(Customer.customer_no == "K1"))).one()
        assert (row.name, row.version) == ("张三丰", 2)

    async def test_billing_flags_follow_the_file_and_noted_ones_stay(
        self, session: AsyncSession
    ) -> None:
        await import_customers(session, file_of(line(flags="arrears|vulnerable")))
        clock.advance(timedelta(days=1))
        report = await import_customers(session, file_of(line(flags="suspension")))
        assert report.updated == 1
        assert await flags_of(session, "13712345678") == {"suspension", "vulnerable"}

    async def test_a_chinese_datum_is_converted_and_the_original_kept(
        self, session: AsyncSession
    ) -> None:
        await import_customers(session, file_of(line(datum="bd09", lon="117.062", lat="36.656")))
        kept = (await session.exec(select(Building).where(Building.number == "5"))).one()
        assert (kept.original_lon, kept.datum) == (117.062, "bd09")
        assert 0.008 < 117.062 - place_out(kept.location).lon < 0.016

    async def test_every_wrong_cell_is_reported_and_nothing_written(
        self, session: AsyncSession
    ) -> None:
        before = await counts(session)
        report = await import_customers(
            session,
            file_of(
                line(),
                line(customer_no="", room="1"),
                line(customer_no="K3", phone="call me", room="2"),
                line(customer_no="K4", station_code="S99", room="3"),
                line(customer_no="K5", lon="36.65", lat="117.05", room="4"),
                line(customer_no="K6", lon="0", lat="0", room="5"),
                line(customer_no="K7", lon="8.69", lat="49.41", building="9", room="6"),
                line(customer_no="K8", flags="arrears|rich", room="7"),
                line(customer_no="K9", datum="mars", zone="moon", language="xx", room="8"),
                line(name="另一人", room="9"),
                line(),
                line(customer_no="K10", station_code="S02", room="10"),
                line(customer_no="K11", room="11") + ",extra",
                line(customer_no="K12", name="a\x07b", room="12"),
                line(customer_no="K13", lon="nan", room="13"),
            ),
        )
        assert {(error.line, error.column) for error in report.errors} == {
            (3, "customer_no"),
            (4, "phone"),
            (5, "station_code"),
            (5, "building"),
            (6, "lat"),
            (7, "lon"),
            (8, "lon"),
            (9, "flags"),
            (10, "datum"),
            (10, "zone"),
            (10, "language"),
            (11, "customer_no"),
            (12, "room"),
            (13, "building"),
            (14, "-"),
            (15, "name"),
            (16, "lon"),
        }
        assert all(error.why and error.action for error in report.errors)
        assert [error.line for error in report.errors] == sorted(
            error.line for error in report.errors
        )
        assert await counts(session) == before

    async def test_swapped_coordinates_that_pass_as_degrees_are_named(
        self, session: AsyncSession
    ) -> None:
        await session.execute(
            text(
                "UPDATE stations SET area = ST_Multi(ST_MakeEnvelope(8.6, 49.3, 8.8, 49.5, 4326))"
                "::geography WHERE code = 'S01'"
            )
        )
        (error,) = (await import_customers(session, file_of(line(lon="49.41", lat="8.69")))).errors
        assert error.column == "lon" and "swapped" in error.action

    async def test_a_file_with_a_mark_is_read(self, session: AsyncSession, tmp_path: Path) -> None:
        file = tmp_path / "customers.csv"
        file.write_text(file_of(line()), encoding="utf-8-sig")
        assert (await import_customers(session, file)).created == 1

    async def test_a_thousand_rows_take_a_handful_of_statements(
        self, session: AsyncSession, database: Database
    ) -> None:
        seen: list[str] = []
        count_statements(database, seen)
        rows = [
            line(customer_no=f"K{n}", building=str(n // 50), room=str(n), phone=f"137{n:08d}")
            for n in range(1000)
        ]
        report = await import_customers(session, file_of(*rows))
        assert report.created == 1000
        assert len(seen) < 20
