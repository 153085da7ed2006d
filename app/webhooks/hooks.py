"""Subscribes to transitions: each is told to the endpoints that asked for it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from app.webhooks import service
from app.work_orders.models import WorkOrder, WorkOrderEvent


async def publish_transition(
    session: AsyncSession, order: WorkOrder, event: WorkOrderEvent
) -> None:
    """`work_order.<action>` with the order's standing, and no customer's name or number."""
    await service.publish(
        session,
        key=f"{order.id}:{event.seq}",
        event=f"work_order.{event.action}",
        station_id=order.station_id,
        data={
            "order_id": str(order.id),
            "serial": order.serial,
            "seq": event.seq,
            "action": event.action,
            "from_state": event.from_state,
            "to_state": event.to_state,
            "service_class": order.service_class,
            "fault_code": order.fault_code,
            "station_id": str(order.station_id),
            "at": event.at.isoformat(),
            "version": order.version,
        },
    )
