"""Loads the shipped catalogue and service profiles; what is there already stays as it is."""

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import resources
from itertools import product

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.models import (
    CatalogueVersion,
    CauseCode,
    FaultCode,
    ServiceLimit,
    ServiceProfile,
)

Row = dict[str, str]


def rows_of(name: str) -> list[Row]:
    """The rows of a shipped CSV file."""
    text = resources.files("app.catalogue").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


async def load_defaults(session: AsyncSession) -> None:
    """Add the shipped catalogue version, causes and profiles that are absent; idempotent."""
    for row in rows_of("catalogue.csv"):
        if await session.get(CatalogueVersion, int(row["version"])) is None:
            await _load_version(session, row)
    for row in rows_of("profiles.csv"):
        starts = date.fromisoformat(row["effective_from"])
        query = select(ServiceProfile).where(
            ServiceProfile.name == row["name"], ServiceProfile.effective_from == starts
        )
        if (await session.exec(query)).first() is None:
            await _load_profile(session, row, starts)


async def _load_version(session: AsyncSession, row: Row) -> None:
    version = int(row["version"])
    session.add(
        CatalogueVersion(
            version=version,
            name=row["name"],
            effective_from=date.fromisoformat(row["effective_from"]),
            source=row["source"],
        )
    )
    await session.flush()
    session.add_all(fault_of(version, each) for each in rows_of("faults.csv"))
    session.add_all(
        CauseCode(
            version=version,
            code=each["code"],
            name_zh=each["name_zh"],
            name_en=each["name_en"],
        )
        for each in rows_of("causes.csv")
    )
    await session.flush()


def fault_of(version: int, row: Row) -> FaultCode:
    """A fault from its row; `skills` reads `HB:1|HE:1`, how many members must hold each."""
    needs = [part.split(":") for part in row["skills"].split("|")]
    return FaultCode(
        version=version,
        code=row["code"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        domain=row["domain"],
        fault_group=row["fault_group"],
        service_minutes=int(row["service_minutes"]),
        skills=[{"skill": skill, "count": int(count)} for skill, count in needs],
        crew_size=int(row["crew_size"]),
        safety_level=int(row["safety_level"]),
        owner=row["owner"],
        evidence=row["evidence"],
        service_class=row["service_class"],
        points=Decimal(row["points"]),
    )


async def _load_profile(session: AsyncSession, row: Row, starts: date) -> None:
    profile = ServiceProfile(
        name=row["name"], effective_from=starts, source=row["source"], note=row["note"]
    )
    session.add(profile)
    await session.flush()
    for limit in rows_of(row["limits"]):
        session.add_all(_limits(profile, limit))
    await session.flush()


def _limits(profile: ServiceProfile, row: Row) -> Iterator[ServiceLimit]:
    for domain, zone in product(row["domain"].split("|"), row["zone"].split("|")):
        yield ServiceLimit(
            profile_id=profile.id,
            service_class=row["service_class"],
            domain=domain,
            zone=zone,
            clock=row["clock"],
            limit_s=int(row["limit_s"]),
            kind=row["kind"],
            source=row["source"],
        )
