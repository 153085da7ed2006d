"""Who did something, on which device, and when by whose clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from app.core import clock
from app.core.permissions import Role
from app.core.scope import Principal


class MeasuredPlace(NamedTuple):
    """A WGS-84 position as a device measured it; accuracy in metres."""

    lon: float
    lat: float
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """The author and the times of one action.

    `client_at` is what the device's clock said; `at` is when it happened: corrected client time,
    or the server's time. `role` is the role that the actor used.
    """

    kind: str
    at: datetime
    principal: Principal | None = None
    role: Role | None = None
    client_at: datetime | None = None
    device_id: UUID | None = None
    place: MeasuredPlace | None = None

    @property
    def actor_id(self) -> UUID | None:
        return self.principal.id if self.principal else None

    @classmethod
    def now(cls, principal: Principal, *preferred: Role) -> Self:
        """An act at the server's time, in the first of `preferred` roles that the actor holds."""
        role = next((role for role in preferred if role in principal.roles), None)
        if role is None and principal.roles:
            role = min(principal.roles, key=list(Role).index)
        kind = "api_key" if principal.is_api_key else "user"
        return cls(kind=kind, at=clock.now(), principal=principal, role=role)

    @classmethod
    def by_timer(cls) -> Self:
        """An act of a clock that ran out."""
        return cls(kind="timer", at=clock.now())

    @classmethod
    def by_link(cls) -> Self:
        """An act of a customer who holds the link of a text message."""
        return cls(kind="customer", at=clock.now())

    @classmethod
    def by_planner(cls) -> Self:
        """An act of the commit step of a plan."""
        return cls(kind="planner", at=clock.now())
