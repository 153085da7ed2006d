"""The call centre: agents take the day's calls as they come, and urge when people call again."""

import asyncio
from datetime import timedelta
from itertools import cycle
from typing import Any
from uuid import uuid4

from app.demo.board import Board, Truth
from app.demo.calls import Call
from app.demo.client import Caller, Refused
from app.demo.founding import Company
from app.demo.inputs import Inputs
from app.demo.pace import pause, until
from app.demo.sites import Site

AGENTS = ("agent1", "agent2", "agent3")
_RETRIED_EVERY = 10
"""Every so many-th submission is sent twice with one key, as after a lost answer."""


class CallCentre:
    """Posts every call of the day at its time."""

    def __init__(self, company: Company, inputs: Inputs, board: Board) -> None:
        self._agents = cycle([company.as_(name) for name in AGENTS])
        self._inputs = inputs
        self._board = board
        self._order_of: dict[int, str] = {}

    async def run(self) -> None:
        """All calls; returns after the last was taken and every promised cancellation asked."""
        async with asyncio.TaskGroup() as group:
            for call in self._inputs.calls:
                await until(self._inputs.called_at(call))
                group.create_task(self._take(call, next(self._agents)))
        self._board.calls_over = True

    async def _take(self, call: Call, agent: Caller) -> None:
        """Screen pop, order, and the urge link when one is open already."""
        self._board.counts["calls"] += 1
        body = await self._form(call, agent)
        if "appointment" in body:
            await self._offer(body, agent)
        key = str(uuid4())
        try:
            order = await agent.post("/work-orders", body, key)
        except Refused as refused:
            await self._urge(call, agent, refused)
            return
        self._board.counts["posted"] += 1
        site = Site.of(call, self._board.shorten)
        self._board.learn(order["id"], Truth(call, site, call.solved))
        self._board.orders.setdefault(order["id"], order)
        if call.number % _RETRIED_EVERY == 0:
            again = await agent.post("/work-orders", body, key)
            self._board.counts["replayed"] += again["id"] == order["id"]
        if call.twist == "cancelled":
            await self._cancel(call, agent, order["id"])

    async def _form(self, call: Call, agent: Caller) -> dict[str, Any]:
        """The order form, filled from the screen pop of the number that calls."""
        cards = await agent.get("/customers", phone=call.caller_phone)
        card = next(each for each in cards if each["customer_no"] == call.customer_no)
        form: dict[str, Any] = {
            "caller": {"name": call.caller_name, "phone": call.caller_phone},
            "premises_id": card["premises"][0]["id"],
            "customer_id": card["id"],
            "fault_code": call.fault_code,
            "description": call.description,
            "flags": list(call.flags),
        }
        if call.slot is not None:
            opens = self._inputs.opens_at
            form["appointment"] = {
                "starts_at": (opens + timedelta(seconds=call.slot.start_s)).isoformat(),
                "ends_at": (opens + timedelta(seconds=call.slot.end_s)).isoformat(),
            }
        return form

    async def _offer(self, form: dict[str, Any], agent: Caller) -> None:
        """What the wished slot would cost the plan, while the caller is on the line."""
        asked = {
            "premises_id": form["premises_id"],
            "fault_code": form["fault_code"],
            "candidates": [form["appointment"]],
        }
        try:
            offer = await agent.post("/work-orders/slots", asked)
        except Refused as refused:
            if refused.status not in (404, 409, 422):
                raise
            self._board.counts["slots_refused"] += 1
            return
        self._board.counts["slots_priced"] += 1
        self._board.counts["slots_fitting"] += offer["slots"][0]["fits"]

    async def _urge(self, call: Call, agent: Caller, refused: Refused) -> None:
        """An order for this trouble is open: note that the customer asks again."""
        open_order = refused.problem.get("order")
        if refused.status != 409 or open_order is None:
            raise refused
        path = str(refused.problem["urge"]).removeprefix("/api/v1")
        await agent.post(path, {"reason": call.description})
        self._board.counts["urged"] += 1

    async def _cancel(self, call: Call, agent: Caller, order_id: str) -> None:
        """The customer calls again soon: no need to come. Too late once a crew is on its way."""
        await pause(60 + call.number % 60)
        try:
            await agent.post(f"/work-orders/{order_id}/cancel", {"reason": call.twist_reason})
            self._board.counts["cancels_asked"] += 1
        except Refused as refused:
            if refused.status != 409:
                raise
            self._board.counts["cancels_too_late"] += 1
