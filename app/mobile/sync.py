"""What a phone pulls: the whole working set, or what changed since its cursor.

A push only says "look"; this is where the work comes from, so losing every push loses nothing.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy import RowMapping
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock, feed
from app.core.i18n import Text
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.evidence.policy import ALWAYS
from app.mobile import clocks, repository, surroundings
from app.mobile.checklists import checklist
from app.mobile.clocks import DeviceClock
from app.mobile.surroundings import Digests
from app.notifications import service as notifications
from app.travel import service as travel
from app.work_orders.masking import towards_technicians

TOLD_AS_JOBS = ("work_order", "eta")
"""Changes of these are told by the order as it is now."""
WHOLE = 2**63 - 1
"""The row id of a cursor that reached the horizon."""
STALE_AFTER = 50_000
"""Transactions after which an unchanged phone gets a new cursor: reading from an old one costs."""


@dataclass(frozen=True, slots=True)
class PhoneCursor:
    """What a phone has: a place in the feed, the crews it was read for, and the other sections.

    Other crews mean a full sync. In text `epoch.xid.id.crews.team.notices.fixed`.
    """

    place: feed.Cursor
    crews: str
    has: Digests

    def __str__(self) -> str:
        return ".".join((str(self.place), self.crews, *self.has))

    @classmethod
    def parse(cls, value: str) -> Self:
        """Raises InvalidInput for what is none of our cursors."""
        parts = value.split(".")
        try:
            epoch, xid, row, crews, *has = parts
            return cls(feed.Cursor.parse(f"{epoch}.{xid}.{row}"), crews, Digests(*has))
        except (ValueError, TypeError) as error:
            raise InvalidInput("the cursor is not one of ours; sync without it") from error


def crews_digest(crew_ids: Collection[UUID]) -> str:
    """A short name of a set of crews."""
    joined = ",".join(sorted(str(each) for each in crew_ids))
    return hashlib.sha256(joined.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Pulled:
    """The answer of `SyncOut`, its cursor, and whether it tells the phone anything."""

    answer: dict[str, Any]
    cursor: str
    news: bool


async def sync(
    session: AsyncSession, principal: Principal, cursor: str | None, shown: DeviceClock | None
) -> Pulled:
    """What the phone lacks; also notes its clock, its presence and what it has shown to know.

    The place in the feed is read before the jobs: a change in between is told twice, never lost.
    Raises InvalidInput for a cursor that is none of ours.
    """
    held = PhoneCursor.parse(cursor) if cursor else None
    digest = crews_digest(principal.crew_ids)
    goes_on = held is not None and held.crews == digest
    # Asked before the feed is read: what becomes readable in between would be in neither answer.
    settling = await feed.settling(session, _audience(principal))
    place, changed = await _changed(session, principal, held if goes_on else None)
    jobs = await _told_jobs(session, principal, changed)
    sections, has = await surroundings.told(session, principal, held.has if held else Digests())
    reached = str(PhoneCursor(place, digest, has))
    # After a gap in the feed, or in another crew, a cursor does not say what the phone was told.
    trusted = held.place if held is not None and changed is not None else None
    # In the order of the commands, or they wait for each other: device, alarms, messages, presence.
    await clocks.looked_at(session, principal, shown)
    unconfirmed = await notifications.hear(session, principal, trusted, place)
    await clocks.on_line(session, principal)
    answer = {
        "mode": "full" if changed is None else "changes",
        "cursor": reached,
        # A cursor that is outlived at once would go round for ever: that phone comes in its time.
        "more": place.id != WHOLE or (unconfirmed and (changed is not None or not goes_on)),
        "settling": settling,
        "server_time": clock.now(),
        "jobs": jobs,
        "gone": sorted((changed or set()) - {each["id"] for each in jobs}),
        **sections,
    }
    if changed is None and principal.device_id is not None:
        answer["device"] = await repository.device_standing(session, principal.device_id)
    aged = held is not None and place.xid - held.place.xid > STALE_AFTER
    quiet = changed is not None and not (jobs or answer["gone"] or sections or aged)
    return Pulled(answer, reached, not quiet or answer["more"] or answer["settling"])


async def _changed(
    session: AsyncSession, principal: Principal, held: PhoneCursor | None
) -> tuple[feed.Cursor, set[UUID] | None]:
    """Where the answer reaches, and the orders that changed since `held`; None for all."""
    found = await feed.read(session, held.place, _audience(principal)) if held else None
    if found is None:
        return await feed.head(session), None
    changes, place = found
    return place, {each.entity_id for each in changes if each.entity in TOLD_AS_JOBS}


def _audience(principal: Principal) -> list[str]:
    crews = (feed.crew_token(crew_id) for crew_id in principal.crew_ids)
    return [*crews, feed.user_token(principal.id)]


async def _told_jobs(
    session: AsyncSession, principal: Principal, changed: Collection[UUID] | None
) -> list[dict[str, Any]]:
    if not principal.crew_ids or (changed is not None and not changed):
        return []
    rows = await repository.jobs(session, principal.crew_ids, changed)
    arrivals = await travel.awaited(session, [row["id"] for row in rows]) if rows else {}
    return [job(row) | {"eta": arrivals.get(row["id"])} for row in rows]


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
            "rejected_files": row["rejected_files"],
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
