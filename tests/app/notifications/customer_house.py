"""A gateway that keeps what it took and dies when told to, and a house that sends through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core import clock
from app.core.db import Database
from app.notifications.channels import SMS, Address, Channel, Message, Outcome, SendResult
from app.notifications.customer_delivery import RECORDED_WITHIN, deliver
from app.notifications.customer_models import CustomerMessage
from app.travel.models import ArrivalEstimate
from app.work_orders import assignments
from app.work_orders.models import WorkOrder
from app.work_orders.states import State
from tests.factories.orders import order_in
from tests.factories.world import NOW, World


class Killed(BaseException):
    """The worker dies here."""


@dataclass
class Gateway:
    """A text-message gateway that keeps what it took by key, and dies when it is told to."""

    provider: str = SMS
    took: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    named: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: int = 0
    dies: str = ""
    lists: bool = True
    """Whether `find` shows already what it took: real gateways list with a delay."""
    answers: list[Outcome] = field(default_factory=list)

    async def send(self, addresses: Sequence[Address], message: Message) -> list[SendResult]:
        self.calls += 1
        if self.dies == "before":
            raise Killed
        outcome = self.answers.pop(0) if self.answers else Outcome.ACCEPTED
        if outcome is Outcome.ACCEPTED:
            assert message.key not in self.took, "sent twice"
            self.took[message.key] = message.text
            self.numbers[message.key] = addresses[0].address
            self.named[message.key] = dict(message.data)
        if self.dies == "after":
            raise Killed
        return [SendResult(outcome, message_id=f"gw-{message.key}") for _ in addresses]

    async def find(self, _address: Address, message: Message, /) -> SendResult | None:
        return SendResult(Outcome.ACCEPTED) if self.lists and message.key in self.took else None

    async def close(self) -> None:
        pass


@dataclass
class Customers:
    """The house with a gateway, and what it sent."""

    database: Database
    world: World
    gateway: Gateway
    client: httpx.AsyncClient

    @property
    def channels(self) -> Mapping[str, Channel]:
        return {SMS: self.gateway}

    async def told(self, order: WorkOrder) -> dict[str, CustomerMessage]:
        async with self.database.transaction() as session:
            query = select(CustomerMessage).where(CustomerMessage.order_id == order.id)
            found = (await session.exec(query.order_by(CustomerMessage.id))).all()  # type: ignore[arg-type]
            return {row.kind: row for row in found}

    async def rows(self, order: WorkOrder, kind: str) -> list[CustomerMessage]:
        """Every message of one kind, first to last."""
        async with self.database.transaction() as session:
            query = select(CustomerMessage).where(
                CustomerMessage.order_id == order.id, CustomerMessage.kind == kind
            )
            by_time = query.order_by(col(CustomerMessage.created_at), col(CustomerMessage.id))
            return list((await session.exec(by_time)).all())

    async def deliver(self, message_id: UUID, *, later: bool = False) -> None:
        """Its turn has come; `later` when the gateway must have listed what it took before."""
        past = CustomerMessage.unsure_since - RECORDED_WITHIN  # type: ignore[operator]
        async with self.database.transaction() as session:
            if later:
                await session.execute(update(CustomerMessage).values(unsure_since=past))
            turn = update(CustomerMessage).where(col(CustomerMessage.id) == message_id)
            await session.execute(turn.values(due_at=clock.real_now()))
        await deliver(self.database, self.channels, message_id)

    async def link(self, order: WorkOrder, kind: str) -> str:
        """The link of a message, sent now."""
        row = (await self.told(order))[kind]
        await deliver(self.database, self.channels, row.id)
        return self.gateway.took[str(row.id)].rsplit("/", 1)[1]

    async def get(self, link: str) -> tuple[int, dict[str, Any]]:
        answer = await self.client.get(f"/public/visits/{link}")
        return answer.status_code, answer.json()


async def promise(session: AsyncSession, order: WorkOrder, minutes: int) -> None:
    """The order's crew is expected that many minutes after the world's begin."""
    stored = await session.get_one(WorkOrder, order.id)
    assignment = await assignments.current(session, stored)
    assert assignment is not None
    at = NOW + timedelta(minutes=minutes)
    await session.merge(
        ArrivalEstimate(
            order_id=order.id,
            crew_id=assignment.crew_id,
            basis="x",
            stops_before=0,
            depart_at=NOW,
            arrive_at=at,
            earliest_at=at,
            latest_at=at,
            start_kind="position",
            start_lon=117.0,
            start_lat=36.6,
            start_at=NOW,
            source="osrm",
            graph_version="g",
            hour_bucket="day",
            computed_at=clock.now(),
        )
    )


async def way(customers: Customers, state: State, **more: Any) -> WorkOrder:
    async with customers.database.transaction() as session:
        return await order_in(session, customers.world, state, **more)
