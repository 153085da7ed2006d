"""Orders taken from crews on their way: how long do their phone and the customer's link show them?

Each old crew accepted and set out by its phone's own commands, and the link shows where it is:
without that there is nothing to lose, and the run fails. While ordinary orders go on coming in, a
dispatcher gives one order after the other to another crew. A sample begins when that request
leaves. For the phone it ends when the stream has said `gone` and a sync has dropped the job; for
the link with the first answer that it has ended. How long the request itself waited is told apart.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import httpx
import numpy as np

from benchmarks import push_stage, push_texts
from benchmarks.push_client import LeanClient
from benchmarks.push_losers import LAST_WAIT_S, OldPhone, Visitor

WITHIN_S: Final = 2.0
STAGED_AT_ONCE: Final = 4


class Waits(NamedTuple):
    """Seconds from a reassignment's request until its answer, and until each had lost the order."""

    answer: float
    phone: float
    link: float


class Case(NamedTuple):
    """One order by the number of its home and of the crew that loses it."""

    number: int
    phone: OldPhone
    visitor: Visitor


async def run(
    http: httpx.AsyncClient,
    desk: LeanClient,
    stage: push_stage.Stage,
    served: tuple[str, int],
    ordinary: Callable[[], Awaitable[object]],
    *,
    count: int,
    rate: float,
) -> dict[str, Any]:
    """Reassign `count` orders at `rate` a second while `ordinary` runs; `served` is push and port.

    The last crews of the stage lose them, each to another crew of its station.
    """
    push_url, port = served
    numbers = range(len(stage.crews) - count, len(stage.crews))
    cases = [_case(stage, port, number) for number in numbers]
    living = [asyncio.create_task(each.phone.live(port)) for each in cases]
    try:
        await asyncio.gather(*(each.phone.ready.wait() for each in cases))
        await _put_on_the_way(cases, http, desk, stage, push_url)
        waits, _ = await asyncio.gather(_evenly(cases, desk, stage, rate), ordinary())
        back = [await _came_back(each) for each in cases]
    finally:
        await _end(cases, living)
    return _figures(waits, back)


def _case(stage: push_stage.Stage, port: int, number: int) -> Case:
    token = stage.phones[number]
    # The service counts what strangers ask by address: each has their own.
    visitor = LeanClient(port, own=f"127.1.{number // 250}.{number % 250 + 1}")
    return Case(number, OldPhone(LeanClient(port, token), token), Visitor(visitor))


async def _put_on_the_way(
    cases: list[Case],
    http: httpx.AsyncClient,
    desk: LeanClient,
    stage: push_stage.Stage,
    push_url: str,
) -> None:
    async def assign(case: Case) -> None:
        case.phone.order_id = await push_stage.send_order(desk, stage, case.number)

    async def set_out(case: Case) -> None:
        await case.phone.set_out(*push_stage.place_of(case.number))

    async def watch(case: Case) -> None:
        caller = push_texts.number_of(case.number)
        await case.visitor.find_link(http, f"{push_url}/phones/{caller}/messages")
        shown = await case.visitor.look()
        if shown is None or shown["place"] is None or case.phone.order_id not in case.phone.jobs:
            raise RuntimeError(f"there is nothing to lose: {shown}, {case.phone.jobs}")

    for step in (assign, set_out, watch):
        await _each(cases, step)


async def _each(cases: list[Case], do: Callable[[Case], Awaitable[None]]) -> None:
    """A few at once: setting the stage is not what is measured."""
    few = asyncio.Semaphore(STAGED_AT_ONCE)

    async def one(case: Case) -> None:
        async with few:
            await do(case)

    await asyncio.gather(*map(one, cases))


async def _evenly(
    cases: list[Case], desk: LeanClient, stage: push_stage.Stage, rate: float
) -> list[Waits]:
    """Reassign one after the other, whether or not those before have been seen."""
    began = time.monotonic()
    running = []
    for place, case in enumerate(cases):
        await asyncio.sleep(max(0.0, began + place / rate - time.monotonic()))
        running.append(asyncio.create_task(_reassign(case, desk, stage)))
    return await asyncio.gather(*running)


async def _reassign(case: Case, desk: LeanClient, stage: push_stage.Stage) -> Waits:
    crew_id = stage.crews[case.number - push_stage.STATIONS]
    body = {"crew_id": str(crew_id), "reason": "broken down"}

    async def answered() -> float:
        await desk.post(f"/work-orders/{case.phone.order_id}/assign", body)
        return time.monotonic()

    left = time.monotonic()
    heard, dropped, hidden, answer = await asyncio.gather(
        _until(case.phone.heard),
        _until(case.phone.dropped),
        case.visitor.until_hidden(),
        answered(),
    )
    return Waits(answer - left, max(heard, dropped) - left, hidden - left)


async def _until(event: asyncio.Event) -> float:
    """When it happened, or when patience ended."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), LAST_WAIT_S)
    return time.monotonic()


async def _came_back(case: Case) -> bool:
    """Whether phone or link, asked once more at the end, show the order again."""
    return await case.phone.has_it_anew() or await case.visitor.look() is not None


async def _end(cases: list[Case], living: list[asyncio.Task[None]]) -> None:
    """Hang up; raises RuntimeError when a phone ceased to listen before."""
    for task in living:
        task.cancel()
    ended = await asyncio.gather(*living, return_exceptions=True)
    for each in cases:
        await each.phone.client.aclose()
        await each.visitor.client.aclose()
    for why in ended:
        if not isinstance(why, asyncio.CancelledError):
            raise RuntimeError("a phone ceased to listen") from why


def _figures(waits: list[Waits], came_back: list[bool]) -> dict[str, Any]:
    told: dict[str, Any] = {"reassigned": len(waits)}
    for name in Waits._fields:
        for share in (50, 99):  # of few samples the next above: p99 of forty is the slowest
            each = [getattr(one, name) for one in waits]
            wait_s = float(np.percentile(each, share, method="higher"))
            told[f"reassign_{name}_p{share}_s"] = round(wait_s, 3)
    late = [max(each.phone, each.link) > WITHIN_S for each in waits]
    shown = sum(slow or again for slow, again in zip(late, came_back, strict=True))
    return told | {"reassign_still_shown": shown}
