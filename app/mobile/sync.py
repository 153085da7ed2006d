"""What a phone pulls: the whole working set, or what changed since its cursor.

A push only says "look"; this is where the work comes from, so losing every push loses nothing.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import RowMapping
from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock, feed
from app.core.i18n import Text
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.evidence.policy import ALWAYS
from app.mobile import policy, repository
from app.mobile.checklists import checklist
from app.notifications import service as notifications
from app.organisation import service as organisation
from app.travel import service as travel
from app.work_orders.masking import towards_technicians

TOLD_AS_JOBS = ("work_order", "eta")
"""Changes of these are told by the order as it is now."""
WHOLE = 2**63 - 1
"""The row id of a cursor that reached the horizon."""


@dataclass(frozen=True, slots=True)
class PhoneCursor:
    """A place in the feed and the crews it was read for; other crews mean a full sync."""

    place: feed.Cursor
    crews: str

    def __str__(self) -> str:
        return f"{self.place}.{self.crews}"

    @classmethod
    def parse(cls, value: str) -> Self:
        """Raises InvalidInput for what is none of our cursors."""
        place, _, crews = value.rpartition(".")
        try:
            return cls(feed.Cursor.parse(place), crews)
        except ValueError as error:
            raise InvalidInput("the cursor is not one of ours; sync without it") from error


def crews_digest(crew_ids: Collection[UUID]) -> str:
    """A short name of a set of crews."""
    joined = ",".join(sorted(str(each) for each in crew_ids))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


async def sync(
    session: AsyncSession, principal: Principal, cursor: str | None, device_at: datetime | None
) -> dict[str, Any]:
    """The answer of `SyncOut`; also notes device clock, presence and what is now known.

    The place in the feed is read before the jobs: a change in between is told twice, never lost.
    Raises InvalidInput for a cursor that is none of ours.
    """
    held = PhoneCursor.parse(cursor) if cursor else None
    digest = crews_digest(principal.crew_ids)
    found = None
    if held is not None and held.crews == digest:
        found = await feed.read(session, held.place, _audience(principal))
    if found is None:
        place, changed = await feed.head(session), None
    else:
        place = found[1]
        changed = {each.entity_id for each in found[0] if each.entity in TOLD_AS_JOBS}
    pending = await notifications.unacknowledged(session, principal.id, changed)
    rows = await _jobs(session, principal, changed)
    arrivals = await travel.awaited(session, [row["id"] for row in rows]) if rows else {}
    answer = {
        "mode": "full" if changed is None else "changes",
        "cursor": str(PhoneCursor(place, digest)),
        "more": place.id != WHOLE,
        "settling": await feed.settling(session, _audience(principal)),
        "server_time": clock.now(),
        "jobs": [job(row) | {"eta": arrivals.get(row["id"])} for row in rows],
        "gone": sorted((changed or set()) - {row["id"] for row in rows}),
        "crews": await _crews(session, principal),
        "catalogue": {
            "version": await catalogue.version_on(session),
            "service_profile_id": (await catalogue.current_profile(session)).id,
        },
    }
    await heard(session, principal, device_at)
    await notifications.acknowledge(session, pending)
    return answer


def _audience(principal: Principal) -> list[str]:
    crews = (feed.crew_token(crew_id) for crew_id in principal.crew_ids)
    return [*crews, feed.user_token(principal.id)]


async def _jobs(
    session: AsyncSession, principal: Principal, changed: Collection[UUID] | None
) -> list[RowMapping]:
    if not principal.crew_ids or (changed is not None and not changed):
        return []
    return await repository.jobs(session, principal.crew_ids, changed)


async def _crews(session: AsyncSession, principal: Principal) -> list[dict[str, Any]]:
    rows = await repository.crews(session, principal.crew_ids)
    return [dict(row) | {"members": row["members"] or []} for row in rows]


async def heard(session: AsyncSession, principal: Principal, device_at: datetime | None) -> None:
    """The phone spoke: its skew against business time, and that its technician is on line."""
    now = clock.now()
    if principal.device_id is not None:
        skew_ms = policy.measured_skew_ms(device_at, now) if device_at else None
        await repository.device_heard(session, principal.device_id, now, skew_ms)
    if principal.technician_id is not None:
        await organisation.touch_presence(session, principal.technician_id, now)


def job(row: RowMapping) -> dict[str, Any]:
    """One row of the working set as `JobOut` tells it."""
    reporter = towards_technicians(row["caller_name"], row["caller_phone"], row["flags"])
    return dict(row) | {
        "caller_name": reporter.caller_name,
        "caller_phone": reporter.caller_phone,
        "place": {"lon": row["lon"], "lat": row["lat"]},
        "fault": {
            "code": row["fault_code"],
            "name": {"zh": row["name_zh"], "en": row["name_en"]},
            "service_minutes": row["service_minutes"],
        },
        "safety": {
            "level": row["safety_level"],
            "guardian_required": row["safety_level"] >= 3,
            "permit_required": row["safety_level"] >= 4,
            "checklist": [_both(each) for each in checklist(row["domain"], row["safety_level"])],
        },
        "evidence": {
            "required": sorted(frozenset(row["evidence"]) | ALWAYS),
            "state": row["evidence_state"],
            "missing_files": row["missing_files"],
        },
        "appointment": (
            {"starts_at": row["appointment_from"], "ends_at": row["appointment_to"]}
            if row["appointment_from"]
            else None
        ),
        "due": {
            "next_at": row["due_at"],
            "accept_by": row["accept_by"],
            "arrive_by": row["arrive_by"],
        },
    }


def _both(each: Text) -> dict[str, str]:
    return {"zh": each.zh, "en": each.en}
