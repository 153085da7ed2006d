"""What a phone needs besides its jobs: crew, shift, notices, catalogue, the company's numbers.

Each section is told whole when it differs from what the cursor says the phone has, so that no
change of anything in it can be missed, whoever made it.
"""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.catalogue import service as catalogue
from app.core import clock
from app.core.scope import Principal
from app.evidence.policy import ALWAYS
from app.mobile import letters, notices, repository, rules

SHIFTS_AHEAD = timedelta(hours=36)


class Digests(NamedTuple):
    """Short names of what a phone has of each section; empty when it has nothing."""

    team: str = ""
    notices: str = ""
    fixed: str = ""


def digest(value: Any) -> str:
    """48 bits over canonical JSON, as 8 letters."""
    said = json.dumps(value, sort_keys=True, default=str).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(said).digest()[:6]).decode()


async def told(
    session: AsyncSession, principal: Principal, held: Digests
) -> tuple[dict[str, Any], Digests]:
    """The sections of `SyncOut` that the phone does not have, and the digests of all."""
    answer: dict[str, Any] = {}
    team = {
        "crews": await _crews(session, principal),
        "shifts": await _shifts(session, principal),
    }
    shown = await notices.shown(session, principal.id)
    numbers = (await rules.in_force(session)).told()
    version = await catalogue.version_on(session)
    profile_id = (await catalogue.current_profile(session)).id
    now = Digests(digest(team), digest(shown), digest([version, profile_id, numbers]))
    if now.team != held.team:
        answer |= team
    if now.notices != held.notices:
        answer["notices"] = shown
    if now.fixed != held.fixed:
        answer["rules"] = numbers
        answer["catalogue"] = await _catalogue(session, version, profile_id)
    return answer, now


async def _crews(session: AsyncSession, principal: Principal) -> list[dict[str, Any]]:
    rows = await repository.crews(session, principal.crew_ids)
    return [dict(row) | {"members": row["members"] or []} for row in rows]


async def _shifts(session: AsyncSession, principal: Principal) -> list[dict[str, Any]]:
    now = clock.now()
    rows = await repository.shifts(session, principal.crew_ids, now, now + SHIFTS_AHEAD)
    return [
        dict(row)
        | {
            "breaks": [
                {
                    "starts_at": each["from"],
                    "ends_at": each["to"],
                    "duration_s": each["duration_s"],
                }
                for each in row["breaks"]
            ]
        }
        for row in rows
    ]


async def _catalogue(session: AsyncSession, version: int, profile_id: UUID) -> dict[str, Any]:
    return {
        "version": version,
        "service_profile_id": profile_id,
        "faults": [
            {
                "code": each.code,
                "name": {"zh": each.name_zh, "en": each.name_en},
                "domain": each.domain,
                "safety_level": each.safety_level,
                "evidence": sorted(frozenset(each.evidence) | ALWAYS),
            }
            for each in await catalogue.faults(session)
        ],
        "causes": [
            {"code": each.code, "name": {"zh": each.name_zh, "en": each.name_en}}
            for each in await catalogue.causes(session)
        ],
        "letters": letters.letters(),
        "outcomes": letters.outcomes(),
    }
