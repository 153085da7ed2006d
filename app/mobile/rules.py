"""The company's numbers about phones: defaults of DOMAIN section 6, changed as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import audit, clock
from app.core.problems import InvalidInput, NotFound
from app.core.scope import Principal
from app.mobile.models import PhoneRule


class Default(NamedTuple):
    """A number's proposal, its bounds, and what it says."""

    value: int
    least: int
    most: int
    unit: str
    says: str


DEFAULTS: Mapping[str, Default] = {
    "geofence_urban_m": Default(150, 20, 5_000, "m", "radius of arrival in town"),
    "geofence_rural_m": Default(500, 20, 10_000, "m", "radius of arrival in the country"),
    "geofence_remote_m": Default(500, 20, 20_000, "m", "radius of arrival in remote places"),
    "worst_accuracy_m": Default(200, 10, 5_000, "m", "a position less sure proves no arrival"),
    "code_elsewhere_m": Default(2_000, 100, 100_000, "m", "a code scanned farther off is flagged"),
    "clock_off_s": Default(300, 30, 86_400, "s", "skew that is told to the chief"),
    "clock_jump_s": Default(60, 5, 86_400, "s", "change of skew that is told to the chief"),
    "back_dated_s": Default(600, 60, 86_400, "s", "an act this long before a later contact"),
    "future_s": Default(60, 5, 86_400, "s", "an act this long after now"),
    "evidence_reminder_s": Default(1_800, 60, 604_800, "s", "files missing after completion"),
    "sync_every_s": Default(300, 10, 86_400, "s", "pull without a push"),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers in force."""

    numbers: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    def geofence_m(self, zone: str) -> int:
        """The radius around a place of this zone."""
        return self.numbers[f"geofence_{zone}_m"]

    def told(self) -> dict[str, object]:
        """What a phone goes by off line, as `PhoneRulesOut`."""
        zones = ("urban", "rural", "remote")
        return {
            "geofence_m": {zone: self.geofence_m(zone) for zone in zones},
            "worst_accuracy_m": self["worst_accuracy_m"],
            "sync_every_s": self["sync_every_s"],
        }


async def in_force(session: AsyncSession) -> Rules:
    """The company's own numbers, and the proposals for the rest."""
    own = {row.name: row.value for row in await _own(session)}
    return Rules({name: own.get(name, each.value) for name, each in DEFAULTS.items()})


async def _own(session: AsyncSession) -> list[PhoneRule]:
    return list((await session.exec(select(PhoneRule))).all())


class Listed(NamedTuple):
    """One number with its proposal."""

    name: str
    value: int
    default: int
    unit: str
    says: str
    changed_at: datetime | None


async def listed(session: AsyncSession) -> list[Listed]:
    """Every number, by name."""
    own = {row.name: row for row in await _own(session)}
    return [
        Listed(
            name,
            own[name].value if name in own else each.value,
            each.value,
            each.unit,
            each.says,
            own[name].changed_at if name in own else None,
        )
        for name, each in sorted(DEFAULTS.items())
    ]


async def change(
    session: AsyncSession, principal: Principal, name: str, value: int, reason: str
) -> Listed:
    """Set one number from now on; the trail keeps who, what and why.

    Raises NotFound for a name that is none, InvalidInput outside its bounds.
    """
    default = DEFAULTS.get(name)
    if default is None:
        raise NotFound()
    if not default.least <= value <= default.most:
        raise InvalidInput(f"{name} lies between {default.least} and {default.most}")
    row = await session.get(PhoneRule, name, with_for_update=True)
    before = row.value if row else default.value
    now = clock.now()
    if row is None:
        row = PhoneRule(name=name, value=value, changed_by=principal.id, changed_at=now)
    row.value, row.changed_by, row.changed_at = value, principal.id, now
    session.add(row)
    await session.flush()
    await audit.record(
        session,
        principal,
        "changed",
        "phone_rule",
        name=name,
        before=before,
        after=value,
        why=reason,
    )
    return Listed(name, value, default.value, default.unit, default.says, now)
