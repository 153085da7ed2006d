"""What a leader says at the door."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.completions import service
from app.completions.models import CompletionRecord
from app.completions.record import CompletionIn
from app.core.db import Database
from tests.app.evidence.at_work import PhoneFile, leader_act, reread
from tests.factories.world import World

ROOM = {"kind": "R", "value": 20.5, "unit": "°C", "room": "主卧", "device_no": "T-77"}


def record(files: Sequence[PhoneFile], **changes: Any) -> CompletionIn:
    """A repaired radiator."""
    said = {
        "outcome": "fixed",
        "cause_code": "equipment_age",
        "summary": "更换阀芯，暖气恢复正常",
        "readings": [ROOM],
        "parts": [{"name": "阀芯 DN20", "quantity": "1"}],
        "manifest": [file.declared() for file in files],
        "signed_by": "王女士",
    }
    return CompletionIn.model_validate(said | changes)


async def complete(
    database: Database,
    world: World,
    order_id: UUID,
    said: CompletionIn,
    username: str = "tech01",
) -> CompletionRecord:
    """In a transaction of its own, as a phone's command would."""
    async with database.transaction() as session:
        order = await reread(session, order_id)
        act = await leader_act(session, world, username)
        return await service.complete(session, order, act, said)
