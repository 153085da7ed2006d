"""The dispatch desk: approvals, plans every few minutes, reassignments, joint crews."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from app.demo.board import Board, Order
from app.demo.client import Caller, Refused
from app.demo.founding import Company
from app.demo.joint_crews import choose_members
from app.demo.pace import pause

_DECIDE_EVERY_S = 60.0
_PLAN_EVERY_S = 5 * 60.0
_LOOK_EVERY_S = 100.0
_OVERTAKEN = {404, 409}


_IN_HAND = frozenset({"SENT", "ACCEPTED", "ENROUTE", "ONSITE", "WORKING"})


class Desk:
    """The dispatcher of the company and the chiefs of its stations."""

    def __init__(self, company: Company, board: Board, seconds: float) -> None:
        self._company = company
        self._board = board
        self._seconds = seconds
        self._dispatcher = company.as_("dispatcher")
        self._code_of = {key: code for code, key in company.station_ids.items()}
        self._done: set[tuple[str, str]] = set()
        """What was tried once for an order: (what, order id)."""

    async def run(self) -> None:
        """Work for ever."""
        await asyncio.gather(
            self._for_ever(_DECIDE_EVERY_S, self._decide_holds),
            self._for_ever(_DECIDE_EVERY_S, self._decide_cancels),
            self._for_ever(_PLAN_EVERY_S, self._plan),
            self._for_ever(_LOOK_EVERY_S, self._look_at_orders),
        )

    async def _for_ever(self, every_s: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except Refused as refused:
                if refused.status not in _OVERTAKEN:
                    raise
                self._board.counts[f"desk_{refused.type}"] += 1
            await pause(every_s)

    async def _decide_holds(self) -> None:
        """The dispatcher approves what crews asked for."""
        for request in (await self._dispatcher.get("/approvals"))["items"]:
            if request["action"] == "hold":
                await self._approve(self._dispatcher, request)
                self._board.counts["holds"] += 1

    async def _decide_cancels(self) -> None:
        """Each chief approves what was asked for in the own station."""
        for code in self._company.station_ids:
            chief = f"chief_{code.lower()}"
            if chief not in self._company.passwords:
                continue
            person = self._company.as_(chief)
            for request in (await person.get("/approvals"))["items"]:
                if request["action"] == "cancel":
                    await self._approve(person, request)
                    self._board.counts["cancels"] += 1

    @staticmethod
    async def _approve(person: Caller, request: dict[str, Any]) -> None:
        body = {"approved": True, "note": "同意"}
        await person.post(f"/approvals/{request['id']}/decide", body)

    async def _plan(self) -> None:
        """Ask for a plan of every station, and read why orders stay without a visit."""
        stations = [key for code, key in self._company.station_ids.items() if code in self._codes()]
        await asyncio.gather(*(self._plan_station(station) for station in stations))

    def _codes(self) -> set[str]:
        return {self._code_of[crew["station_id"]] for crew in self._company.crews}

    async def _plan_station(self, station_id: str) -> None:
        body = {"station_id": station_id, "seconds": self._seconds}
        run = await self._dispatcher.post("/planning-runs", body)
        for _ in range(60):
            run = await self._dispatcher.get(f"/planning-runs/{run['id']}")
            if run["state"] in ("published", "failed"):
                break
            await asyncio.sleep(0.4)
        for each in (run["result"] or {}).get("unassigned", []):
            self._board.unassigned[each["order_id"]] = each["reasons"]
            if any(reason["code"] == "crew_too_small" for reason in each["reasons"]):
                await self._once("joint", each["order_id"], self._join_crews)

    async def _look_at_orders(self) -> None:
        """Reassign where it is meant so, and settle what crews returned as not ours."""
        for order in list(self._board.orders.values()):
            truth = self._board.truths.get(order["id"])
            if truth is None:
                continue
            if truth.site.twist == "reassigned" and order["state"] in ("SENT", "ACCEPTED"):
                await self._once("reassign", order["id"], self._reassign)
            elif truth.not_ours and order["state"] in ("RETURNED", "SENT", "ACCEPTED"):
                await self._settle_returned(order)

    async def _once(
        self, what: str, order_id: str, act: Callable[[Order], Awaitable[None]]
    ) -> None:
        """Try `act` on the order as it stands now, once; being overtaken by events is normal."""
        if (what, order_id) in self._done:
            return
        self._done.add((what, order_id))
        try:
            await act(await self._dispatcher.get(f"/work-orders/{order_id}"))
            self._board.counts[what] += 1
        except Refused as refused:
            if refused.status not in _OVERTAKEN:
                raise
            self._board.counts[f"{what}_{refused.type}"] += 1

    async def _reassign(self, order: Order) -> None:
        """To another crew of the station that could do it, the least busy one."""
        held = order["holder"]["crew_id"] if order["holder"] else None
        truth = self._board.truths[order["id"]]
        for crew in self._least_busy(order["station_id"]):
            able = await self._dispatcher.get(
                f"/crews/{crew['id']}/capability", fault_code=order["fault_code"]
            )
            if crew["id"] != held and not able["obstacles"]:
                body = {"crew_id": crew["id"], "reason": truth.call.twist_reason}
                await self._dispatcher.post(f"/work-orders/{order['id']}/assign", body)
                return

    def _least_busy(self, station_id: str) -> list[dict[str, Any]]:
        load = self._load()
        crews = [crew for crew in self._company.crews if crew["station_id"] == station_id]
        return sorted(crews, key=lambda crew: (load.get(crew["id"], 0), crew["code"]))

    def _load(self) -> dict[str, int]:
        """Orders in hand by crew."""
        load: dict[str, int] = {}
        for order in self._board.orders.values():
            if order["holder"] and order["state"] in _IN_HAND:
                load[order["holder"]["crew_id"]] = load.get(order["holder"]["crew_id"], 0) + 1
        return load

    async def _settle_returned(self, order: Order) -> None:
        """A crew found that it is not ours to repair: ask the chief to void it."""
        timeline = await self._dispatcher.get(f"/work-orders/{order['id']}/timeline")
        said = [event for event in timeline["events"] if event["action"] == "returned"]
        if said:
            await self._once("void_returned", order["id"], self._void)

    async def _void(self, order: Order) -> None:
        truth = self._board.truths[order["id"]]
        body = {"reason": f"班组退单：{truth.call.twist_reason}"}
        await self._dispatcher.post(f"/work-orders/{order['id']}/cancel", body)

    async def _join_crews(self, order: Order) -> None:
        """Members of several crews of the station for an order that none can do alone."""
        faults = (await self._dispatcher.get("/catalogue/faults"))["items"]
        fault = next(each for each in faults if each["code"] == order["fault_code"])
        chosen = choose_members(
            fault, self._least_busy(order["station_id"]), self._company.technicians
        )
        if not chosen:
            self._done.discard(("joint", order["id"]))
            return
        body = {
            "technician_ids": chosen,
            "leader_id": chosen[0],
            "reason": "单一班组人手不足，联合抢修",
        }
        await self._dispatcher.post(f"/work-orders/{order['id']}/joint-crew", body)
