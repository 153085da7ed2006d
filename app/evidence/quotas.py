"""How much one order and one phone may hold, asked when an upload is created."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.scope import Principal
from app.evidence import limits, repository
from app.evidence.errors import DeviceQuotaReached, OrderQuotaReached
from app.evidence.models import EvidenceFile

DEVICE_WINDOW = timedelta(hours=24)


async def check_quotas(session: AsyncSession, principal: Principal, file: EvidenceFile) -> None:
    """Raises OrderQuotaReached or DeviceQuotaReached when `file` is one too many.

    The order's count includes what its manifest declares, and `file` itself.
    """
    allowed = limits.current()
    files, total = await repository.volume_of_order(session, file.order_id)
    if files > allowed.order.files or total > allowed.order.bytes:
        raise OrderQuotaReached(files=allowed.order.files, bytes=allowed.order.bytes)
    if principal.device_id is None:
        return
    since = clock.now() - DEVICE_WINDOW
    files, total = await repository.volume_of_device(session, principal.device_id, since)
    if files > allowed.device.files or total > allowed.device.bytes:
        raise DeviceQuotaReached(files=allowed.device.files, bytes=allowed.device.bytes)
