"""What the crews find on site: the truth behind each order, which the service does not know."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from app.demo.calls import Call

_WAIT_S = 20.0


@dataclass(slots=True)
class Site:
    """One place as it really is. Durations in business seconds."""

    work_s: int = 1200
    twist: str = "normal"
    reason: str = ""
    readings: list[dict[str, Any]] = field(default_factory=list)
    cause_code: str = "equipment_age"
    customer: str = ""
    basement: bool = False
    """No signal inside: commands wait in the phone until the crew is out again."""
    torn: bool = False
    """The line breaks in the middle of an upload."""
    short_hold: bool = False
    """The part comes within the hour."""
    refusals: int = 0
    held: bool = False
    returned: bool = False

    @classmethod
    def of(cls, call: Call, shorten: float = 1.0) -> Self:
        """The truth of a call; a few sites by their number have no signal or a bad line."""
        return cls(
            work_s=max(60, round(shorten * call.work_s)),
            twist=call.twist,
            reason=call.twist_reason,
            readings=[asdict(reading) for reading in call.readings],
            cause_code=call.cause_code,
            customer=call.caller_name,
            basement=call.number % 9 == 4,
            torn=call.number % 7 == 3,
            short_hold=call.number % 2 == 0,
        )

    def again(self) -> "Site":
        """What is left when the crew comes a second time: an ordinary job, half as long."""
        return Site(
            work_s=self.work_s // 2,
            readings=self.readings,
            cause_code="workmanship",
            customer=self.customer,
        )

    def line(self, order_id: str) -> bytes:
        """One line of JSON for the phones' process."""
        told = asdict(self) | {"order_id": order_id}
        return json.dumps(told, ensure_ascii=False).encode() + b"\n"


class Sites:
    """Every site by order, filled from the lines that the call centre's process writes."""

    def __init__(self) -> None:
        self._known: dict[str, Site] = {}
        self._news = asyncio.Condition()

    async def learn(self, lines: asyncio.StreamReader) -> None:
        """Read until the end of input: then the demo is over."""
        while line := await lines.readline():
            told = json.loads(line)
            order_id = told.pop("order_id")
            async with self._news:
                self._known[order_id] = Site(**told)
                self._news.notify_all()

    async def of(self, order_id: str) -> Site:
        """The site of an order; one that nobody described is an ordinary job."""
        try:
            async with asyncio.timeout(_WAIT_S), self._news:
                await self._news.wait_for(lambda: order_id in self._known)
        except TimeoutError:
            self._known[order_id] = Site()
        return self._known[order_id]
