"""What the call centre and the dispatcher do over HTTP, so that phones have work."""

from typing import Any

import httpx

from tests.conftest import Headers
from tests.factories.world import World


class Desk:
    """Agent and dispatcher of the company."""

    def __init__(self, client: httpx.AsyncClient, world: World, as_: Headers) -> None:
        self.client, self.world, self.as_ = client, world, as_

    async def report(self, premises: str = "锦绣家园1-1-101", fault_code: str = "H01") -> str:
        """A new order; its id."""
        answer = await self.client.post(
            "/work-orders",
            json={
                "caller": {"name": "王女士", "phone": "13900000001"},
                "premises_id": str(self.world.premises[premises]),
                "fault_code": fault_code,
                "description": "全屋不热",
            },
            headers=self.as_("agent"),
        )
        assert answer.status_code == 201, answer.text
        order_id: str = answer.json()["id"]
        return order_id

    async def assign(self, order_id: str, crew: str) -> None:
        await self._post(
            f"/work-orders/{order_id}/assign",
            {"crew_id": str(self.world.crews[crew]), "reason": "nearest"},
        )

    async def withdraw(self, order_id: str) -> None:
        await self._post(f"/work-orders/{order_id}/withdraw", {"reason": "other plan"})

    async def sent(
        self, crew: str = "A1", premises: str = "锦绣家园1-1-101", fault_code: str = "H01"
    ) -> str:
        """A new order that waits on the crew's phones; its id."""
        order_id = await self.report(premises, fault_code)
        await self.assign(order_id, crew)
        return order_id

    async def amend(self, order_id: str, **changes: Any) -> None:
        order = await self.order(order_id)
        answer = await self.client.patch(
            f"/work-orders/{order_id}",
            json={"version": order["version"], **changes},
            headers=self.as_("agent"),
        )
        assert answer.status_code == 200, answer.text

    async def order(self, order_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/work-orders/{order_id}", headers=self.as_("dispatcher"))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        answer = await self.client.post(path, json=body, headers=self.as_("dispatcher"))
        assert answer.status_code == 200, answer.text
