"""Guards and subscribers of transitions, filled by `app/wiring.py` from the rooms above."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.work_orders.acts import Act
from app.work_orders.models import WorkOrder, WorkOrderEvent
from app.work_orders.rules import guard_names
from app.work_orders.states import Action

Guard = Callable[[AsyncSession, WorkOrder, Act, dict[str, Any]], Awaitable[None]]
"""Raises a Problem when the transition must not happen; `payload` is what the caller gave."""
Subscriber = Callable[[AsyncSession, WorkOrder, WorkOrderEvent], Awaitable[None]]
"""Runs in the same transaction after the event; its failure aborts the transition."""


class GuardMissing(RuntimeError):
    """The table names a guard that nobody registered: start-up stops."""


class Registry:
    """What hooks into transitions; one per process, the same in API, worker and CLI."""

    def __init__(self) -> None:
        self._guards: dict[str, Guard] = {}
        self._subscribers: list[tuple[frozenset[Action] | None, Subscriber]] = []

    def guard(self, name: str, check: Guard) -> None:
        """Register `check` under the name that the table uses."""
        self._guards[name] = check

    def subscribe(self, subscriber: Subscriber, actions: Iterable[Action] | None = None) -> None:
        """Call `subscriber` after these actions, or after all of them."""
        entry = (frozenset(actions) if actions is not None else None, subscriber)
        if entry not in self._subscribers:
            self._subscribers.append(entry)

    def assert_complete(self) -> None:
        """Raise GuardMissing when a named guard is not registered."""
        if missing := guard_names() - self._guards.keys():
            raise GuardMissing(f"unregistered guards: {', '.join(sorted(missing))}")

    async def check(
        self,
        name: str,
        session: AsyncSession,
        order: WorkOrder,
        act: Act,
        payload: dict[str, Any],
    ) -> None:
        await self._guards[name](session, order, act, payload)

    async def tell(self, session: AsyncSession, order: WorkOrder, event: WorkOrderEvent) -> None:
        for actions, subscriber in self._subscribers:
            if actions is None or Action(event.action) in actions:
                await subscriber(session, order, event)


registry = Registry()
