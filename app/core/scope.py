"""Who is asking, and which rows that lets them see."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, true

from app.core.i18n import Language
from app.core.permissions import ROLE_PERMISSIONS, Permission, Role


@dataclass(frozen=True, slots=True)
class Grant:
    """A role over `stations` (a station and all below it), or over the company when None."""

    role: Role
    stations: frozenset[UUID] | None


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person or an API key, as every service sees it.

    `own` marks a technician, whose rows are those of `crew_ids` and no station's. An API key has
    no grants: `key_permissions` over `key_stations` (None: company).
    """

    id: UUID
    name: str
    grants: tuple[Grant, ...] = ()
    is_api_key: bool = False
    key_permissions: frozenset[Permission] = field(default_factory=frozenset)
    key_stations: frozenset[UUID] | None = None
    technician_id: UUID | None = None
    crew_ids: frozenset[UUID] = field(default_factory=frozenset)
    device_id: UUID | None = None
    session_id: UUID | None = None
    language: Language = "zh"

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    def roles_at(self, station_id: UUID) -> frozenset[Role]:
        """The roles held over this station.

        A technician's role counts everywhere: it goes with the order in hand, and a joint crew
        works at any station.
        """
        return frozenset(
            grant.role
            for grant in self.grants
            if grant.role is Role.TECHNICIAN
            or grant.stations is None
            or station_id in grant.stations
        )

    def may_on_own(self, permission: Permission) -> bool:
        """Whether the technician's role itself carries `permission`, for own rows."""
        return Role.TECHNICIAN in self.roles and permission in ROLE_PERMISSIONS[Role.TECHNICIAN]

    def may(self, permission: Permission) -> bool:
        """Whether any grant, or the key, carries `permission`."""
        if self.is_api_key:
            return permission in self.key_permissions
        return any(permission in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def stations(self, permission: Permission) -> frozenset[UUID] | None:
        """Stations whose rows `permission` opens; None is the whole company.

        A technician's grant opens no station: own work is reached through `crew_ids`.
        """
        if self.is_api_key:
            return self.key_stations if permission in self.key_permissions else frozenset()
        seen: set[UUID] = set()
        for grant in self.grants:
            if grant.role is Role.TECHNICIAN or permission not in ROLE_PERMISSIONS[grant.role]:
                continue
            if grant.stations is None:
                return None
            seen |= grant.stations
        return frozenset(seen)

    def covers(self, permission: Permission, station_id: UUID) -> bool:
        """Whether `permission` reaches rows of this station."""
        stations = self.stations(permission)
        return stations is None or station_id in stations

    def own_only(self, permission: Permission) -> bool:
        """Whether `permission` comes from the technician's role alone."""
        return self.stations(permission) == frozenset()


def scoped(
    principal: Principal,
    permission: Permission,
    station_column: Any,
    own: ColumnElement[bool] | None = None,
) -> ColumnElement[bool]:
    """The WHERE clause of the row scope; every query of station-owned rows carries it.

    `own` is the clause that marks a technician's own rows, OR-ed to the stations when the
    technician's role itself carries `permission`: another role elsewhere does not open them.
    """
    stations = principal.stations(permission)
    if stations is None:
        return true()
    clauses: list[ColumnElement[bool]] = []
    if stations:
        clauses.append(station_column.in_(stations))
    if own is not None and principal.technician_id is not None and principal.may_on_own(permission):
        clauses.append(own)
    return or_(*clauses) if clauses else false()
