"""How much one order and one phone may hold, asked when an upload is created."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.evidence import limits, repository
from app.evidence.errors import DeviceQuotaReached, OrderQuotaReached
from app.evidence.models import EvidenceFile

WINDOW = timedelta(hours=24)


async def check_quotas(session: AsyncSession, file: EvidenceFile) -> None:
    """Raises OrderQuotaReached or DeviceQuotaReached when `file` is one too many.

    The order's count includes what its manifest declares, and `file` itself. Whoever names no
    device, or ever new ones, has a share as a person too.
    """
    allowed = limits.current()
    files, total = await repository.volume_of_order(session, file.order_id)
    if files > allowed.order.files or total > allowed.order.bytes:
        raise OrderQuotaReached(files=allowed.order.files, bytes=allowed.order.bytes)
    since = clock.now() - WINDOW
    phone = await repository.volume_of_device(session, file.owner_id, file.device_id, since)
    person = await repository.volume_of_person(session, file.owner_id, since)
    for quota, (files, total) in ((allowed.device, phone), (allowed.person, person)):
        if files > quota.files or total > quota.bytes:
            raise DeviceQuotaReached(files=quota.files, bytes=quota.bytes)
