"""What evidence has to say about transitions 13 and 15; `app/wiring.py` registers it."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.evidence import service
from app.evidence.errors import EvidenceMissing, EvidenceNotReceived
from app.evidence.policy import needed
from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder


async def evidence_declared(
    session: AsyncSession, order: WorkOrder, _act: Act, payload: dict[str, Any]
) -> None:
    """The manifest names a file of each kind that the fault and the outcome demand (13).

    `payload["outcome"]` is the record's; without one everything is demanded. A file that is
    known to be something else than it claims counts for nothing, and strokes alone are no
    signature: the picture is what people read.
    """
    demanded = needed(await service.letters_of(session, order), str(payload.get("outcome")))
    shown = {
        file.kind
        for file in await service.manifest_of(session, order.id)
        if file.media_type != "application/json"
        and (file.state != "rejected" or file.rejected_why == service.HASH_DIFFERS)
    }
    if missing := sorted(demanded.files - shown):
        raise EvidenceMissing(missing=missing)


async def files_received(
    session: AsyncSession, order: WorkOrder, _act: Act, _payload: dict[str, Any]
) -> None:
    """Every file of the manifest is in, with the declared hash and the declared type (15)."""
    open_files = [
        file for file in await service.manifest_of(session, order.id) if file.state != "verified"
    ]
    if open_files:
        raise EvidenceNotReceived(
            missing=[str(file.id) for file in open_files if file.state != "rejected"],
            rejected=[str(file.id) for file in open_files if file.state == "rejected"],
        )
