"""Reviewers look at what crews declared; revisitors call the customers back."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle

from app.core import clock
from app.demo.board import Board, Order, Truth
from app.demo.client import Caller, Refused
from app.demo.founding import Company
from app.demo.pace import pause

_LOOK_EVERY_S = 90.0
_CALL_BACK_AFTER_S = 8 * 60.0
_CALL_AGAIN_AFTER_S = 6 * 60.0
_REJECTED_EVERY = 17
_REJECTION = "维修后照片看不清读数，请补拍"


class Office:
    """The second half of an order's life, at desks."""

    def __init__(self, company: Company, board: Board) -> None:
        self._reviewers = cycle([company.as_("reviewer1"), company.as_("reviewer2")])
        self._revisitors = cycle([company.as_("revisitor1"), company.as_("revisitor2")])
        self._board = board
        self._next_call: dict[str, float] = {}

    async def run(self) -> None:
        """Review and call back for ever."""
        await asyncio.gather(self._keep_reviewing(), self._keep_calling_back())

    async def _keep_reviewing(self) -> None:
        while True:
            reviewer = next(self._reviewers)
            for order in await reviewer.pages("/work-orders", state="DONE"):
                if order["evidence_state"] == "complete":
                    await self._unless_overtaken(self._review, order, reviewer)
            await pause(_LOOK_EVERY_S)

    async def _keep_calling_back(self) -> None:
        while True:
            revisitor = next(self._revisitors)
            for order in await revisitor.pages("/work-orders", state="REVISIT"):
                if self._is_due(order["id"]):
                    await self._unless_overtaken(self._call_back, order, revisitor)
            await pause(_LOOK_EVERY_S)

    async def _unless_overtaken(
        self, act: Callable[[Order, Caller], Awaitable[None]], order: Order, person: Caller
    ) -> None:
        try:
            await act(order, person)
        except Refused as refused:
            if refused.status != 409:
                raise
            self._board.counts[f"office_{refused.type}"] += 1

    async def _review(self, order: Order, reviewer: Caller) -> None:
        """Open the files, read the record, decide; some first records are sent back."""
        evidence = await reviewer.get(f"/work-orders/{order['id']}/evidence")
        seen = evidence["files"][0]["id"]
        await reviewer.send("GET", f"/evidence/{seen}")
        records = await reviewer.get(f"/work-orders/{order['id']}/completions")
        truth = self._board.truths.get(order["id"])
        decision = {"decision": "passed", "reason": None}
        if len(records) == 1 and truth and truth.call.number % _REJECTED_EVERY == 5:
            decision = {"decision": "rejected", "reason": _REJECTION}
        await reviewer.post(f"/completions/{records[-1]['id']}/review", decision)
        self._board.counts[decision["decision"] or ""] += 1

    def _is_due(self, order_id: str) -> bool:
        """Not at once: people need some minutes to notice whether it works."""
        now = clock.now().timestamp()
        return now >= self._next_call.setdefault(
            order_id, now + _CALL_BACK_AFTER_S * self._board.shorten
        )

    async def _call_back(self, order: Order, revisitor: Caller) -> None:
        order_id = order["id"]
        truth = self._board.truths.get(order_id)
        reached = truth is None or truth.call.reached
        said: dict[str, object] = {"reached": reached}
        if reached:
            said |= _answer(truth)
        told = await revisitor.post(f"/work-orders/{order_id}/revisits", said)
        self._board.counts["revisits"] += 1
        self._next_call[order_id] = (
            clock.now().timestamp() + _CALL_AGAIN_AFTER_S * self._board.shorten
        )
        if told["rework_order_id"] and truth is not None:
            again = Truth(truth.call, truth.site.again(), solved=True, rework=True)
            self._board.learn(told["rework_order_id"], again)
            self._board.counts["reworks"] += 1


def _answer(truth: Truth | None) -> dict[str, object]:
    """What the customer says at the call-back."""
    if truth is None or truth.rework:
        return {"solved": True, "rating": 4}
    call = truth.call
    if truth.solved:
        return {"solved": True, "rating": call.rating}
    return {"solved": False, "rating": call.rating, "comment": call.twist_reason}
