"""The call centre asks when the crews that set out will arrive."""

from app.core import clock
from app.demo.board import Board
from app.demo.client import Caller, Refused, Unreachable
from app.demo.founding import Company
from app.demo.pace import pause
from app.demo.promises import Promise

_ASKED_AT_MOST = 200
_LOOK_EVERY_S = 20.0


class Enquiries:
    """An agent who asks for every order (of large days: every few orders) that a crew drives to."""

    def __init__(self, company: Company, board: Board, orders: int) -> None:
        self._agent: Caller = company.as_("agent1")
        self._board = board
        self._every = max(1, -(-orders // _ASKED_AT_MOST))
        self._seen: set[str] = set()

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            for order in list(self._board.orders.values()):
                if order["state"] == "ENROUTE" and order["id"] not in self._seen:
                    self._seen.add(order["id"])
                    if len(self._seen) % self._every == 0:
                        await self._ask(order["id"])
            await pause(_LOOK_EVERY_S)

    async def _ask(self, order_id: str) -> None:
        """Being there before the question is, or losing the order, is normal."""
        try:
            told = await self._agent.get(f"/work-orders/{order_id}/eta")
        except (Refused, Unreachable):
            self._board.counts["etas_refused"] += 1
            return
        self._board.counts["etas_asked"] += 1
        if told["state"] == "ENROUTE":
            self._board.promises.append(Promise.of(told, clock.now()))
