"""The dispatcher's questions to the planner: why this crew, and what if one crew were missing."""

import asyncio
from contextlib import suppress
from typing import Any

from app.demo.board import Board
from app.demo.client import Refused, Unreachable
from app.demo.founding import Company
from app.demo.pace import pause

_EVERY_S = 40 * 60.0
_TRIES = 240
_LOOK_S = 0.5


class Questions:
    """Asks now and then; an answer changes nothing."""

    def __init__(self, company: Company, board: Board, seconds: float) -> None:
        self._company, self._board, self._seconds = company, board, seconds
        self._dispatcher = company.as_("dispatcher")

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await pause(_EVERY_S)
            with suppress(Refused, Unreachable):
                await self._why()
            with suppress(Refused, Unreachable):
                await self._what_if()

    async def _why(self) -> None:
        """Why the crew that is going to have it: of the first order that waits with a visit."""
        for order in list(self._board.orders.values()):
            if order["state"] == "NEW":
                told = await self._dispatcher.get(f"/work-orders/{order['id']}/plan")
                if told["why"] is not None:
                    self._board.counts["why_told"] += 1
                    return

    async def _what_if(self) -> None:
        """The last plan against one without its busiest crew: what would move, at what price."""
        last = await self._last_plan()
        if last is None:
            return
        routes = [route for route in last["result"]["routes"] if not route["lent"]]
        if not routes:
            return
        busiest = max(routes, key=lambda route: len(route["visits"]))
        body = {
            "station_id": last["station_id"],
            "seconds": self._seconds,
            "publish": False,
            "changes": {"without_crews": [busiest["crew_id"]]},
        }
        asked = await self._answered(await self._dispatcher.post("/planning-runs", body))
        if asked["state"] == "answered":
            self._board.counts["what_if_answered"] += 1
            now = await self._last_plan(station_id=last["station_id"]) or last
            path = f"/planning-runs/{now['id']}/compare"
            await self._dispatcher.get(path, **{"with": asked["id"]})
            self._board.counts["plans_compared"] += 1

    async def _last_plan(self, **where: str) -> dict[str, Any] | None:
        """The newest plan in force; older ones are soon kept no more for comparisons."""
        page = await self._dispatcher.get("/planning-runs", limit=30, **where)
        done = [run["id"] for run in page["items"] if run["state"] == "published"]
        if not done:
            return None
        found: dict[str, Any] = await self._dispatcher.get(f"/planning-runs/{done[0]}")
        return found

    async def _answered(self, run: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_TRIES):
            if run["state"] not in ("queued", "running"):
                break
            await asyncio.sleep(_LOOK_S)
            run = await self._dispatcher.get(f"/planning-runs/{run['id']}")
        return run
