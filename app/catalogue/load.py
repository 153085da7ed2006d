"""Loads the shipped catalogue, profiles and policy; what is there already stays as it is."""

import csv
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import resources
from itertools import product
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue.errors import PolicyInvalid, ProfileInvalid
from app.catalogue.models import (
    CatalogueVersion,
    CauseCode,
    FaultCode,
    ServiceLimit,
    ServicePolicy,
    ServiceProfile,
)
from app.catalogue.policies import rules_of
from app.catalogue.working_time import ALWAYS, WORKING_DAYS

Row = dict[str, str]


DEFAULT_POLICY = "policy_p_2026.toml"


def rows_of(name: str) -> list[Row]:
    """The rows of a shipped CSV file."""
    return list(csv.DictReader(text_of(name).splitlines()))


def text_of(name: str) -> str:
    """A shipped file as text."""
    return resources.files("app.catalogue").joinpath("data", name).read_text("utf-8")


def policy_from(text: str) -> ServicePolicy:
    """The policy that a TOML text describes; raises PolicyInvalid."""
    read: dict[str, Any] = tomllib.loads(text)
    rules_of(read["name"], read["rules"])
    return ServicePolicy(**read)


async def load_policy(session: AsyncSession, text: str) -> bool:
    """Add the policy of a TOML text; False when that day has it already. Raises PolicyInvalid.

    A policy that was in force is never changed: another one of the same day is refused.
    """
    try:
        row = policy_from(text)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise PolicyInvalid(f"the file cannot be read: {error}") from error
    query = select(ServicePolicy).where(ServicePolicy.effective_from == row.effective_from)
    there = (await session.exec(query)).first()
    if there is None:
        session.add(row)
        await session.flush()
        return True
    if (there.name, there.rules) != (row.name, row.rules):
        raise PolicyInvalid(f"{there.name} is in force from {there.effective_from} already")
    return False


async def load_defaults(session: AsyncSession) -> None:
    """Add the shipped catalogue version, causes, profiles and policy; idempotent.

    A company's own policy stays: ours is added only where there is none at all.
    """
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
    if (await session.exec(select(ServicePolicy).limit(1))).first() is None:
        session.add(policy_from(text_of(DEFAULT_POLICY)))
        await session.flush()


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
        name=row["name"],
        effective_from=starts,
        source=row["source"],
        note=row["note"],
        reference=row["reference"] == "yes",
    )
    await add_profile(session, profile, rows_of(row["limits"]))


async def add_profile(session: AsyncSession, profile: ServiceProfile, limits: list[Row]) -> int:
    """Add a profile with the rows of its limits, columns as in the shipped files; how many limits.

    Raises ProfileInvalid, with the line, for what is no limit; a profile is never changed.
    """
    there = select(ServiceProfile).where(
        ServiceProfile.name == profile.name, ServiceProfile.effective_from == profile.effective_from
    )
    if (await session.exec(there)).first() is not None:
        raise ProfileInvalid(f"{profile.name} of {profile.effective_from} is there already")
    session.add(profile)
    await session.flush()
    added: dict[tuple[str, ...], ServiceLimit] = {}
    for line, row in enumerate(limits, start=2):
        for limit in _checked(profile, row, line):
            place = (limit.service_class, limit.domain, limit.zone, limit.clock)
            if place in added:
                raise ProfileInvalid(f"line {line}: {' '.join(place)} is said twice")
            added[place] = limit
    session.add_all(added.values())
    await session.flush()
    return len(added)


def _checked(profile: ServiceProfile, row: Row, line: int) -> list[ServiceLimit]:
    for name, allowed in _ALLOWED.items():
        said = set((row.get(name) or "").split("|"))
        if not said <= allowed:
            wrong = ", ".join(sorted(said - allowed))
            raise ProfileInvalid(
                f"line {line}: {name} {wrong}: one of {', '.join(sorted(allowed))}"
            )
    if not row.get("source") or not row.get("limit_s", "").isdecimal() or int(row["limit_s"]) < 1:
        raise ProfileInvalid(f"line {line}: limit_s is a number of seconds, and source is said")
    return list(_limits(profile, row))


_ALLOWED = {
    "service_class": {"E1", "E2", "H3", "H4", "C5"},
    "domain": {"heat", "power"},
    "zone": {"urban", "rural", "remote"},
    "clock": {*(f"K{n}" for n in range(1, 9)), "SAFE", "SLOT"},
    "kind": {"cap", "average"},
    "calendar": {ALWAYS, WORKING_DAYS},
}


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
            calendar=row["calendar"],
            source=row["source"],
        )
