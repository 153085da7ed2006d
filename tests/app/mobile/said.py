"""What the command tests say and read back."""

from typing import Any
from uuid import UUID, uuid4

from sqlmodel import col, select

from app.core.db import Database
from app.mobile.models import PhoneCommand
from app.work_orders.models import WorkOrderEvent

PROBLEM = "urn:paigong:problem:"
EARLY = "0001-01-01T00:00:00Z"


async def events(database: Database, order_id: str) -> list[WorkOrderEvent]:
    async with database.transaction() as session:
        statement = (
            select(WorkOrderEvent)
            .where(WorkOrderEvent.order_id == UUID(order_id))
            .order_by(col(WorkOrderEvent.seq))
        )
        return list((await session.exec(statement)).all())


async def inbox(database: Database) -> list[PhoneCommand]:
    async with database.transaction() as session:
        statement = select(PhoneCommand).order_by(col(PhoneCommand.device_seq))
        return list((await session.exec(statement)).all())


WHOLE: dict[str, dict[str, Any]] = {
    "parts": {"name": "阀芯", "quantity": "1"},
    "readings": {"kind": "P", "value": 0.3},
    "permit": {"number": "W-1"},
    "manifest": {
        "file_id": str(uuid4()),
        "kind": "F",
        "media_type": "image/jpeg",
        "size_bytes": 1,
        "sha256": "0" * 64,
    },
}


def filled(said: dict[str, Any]) -> dict[str, Any]:
    """A completion that is right in all but what `said` names."""
    if "completion" not in said:
        return said
    completion: dict[str, Any] = {
        "outcome": "fixed",
        "cause_code": "equipment_age",
        "summary": "更换阀芯",
    }
    for name, given in said["completion"].items():
        one = WHOLE[name] | (given[0] if isinstance(given, list) else given)
        completion[name] = [one] if isinstance(given, list) else one
    return said | {"completion": completion}


def outcomes(body: dict[str, Any]) -> list[str]:
    return [answer["outcome"] for answer in body["answers"]]
