"""A drain does what is due side by side, lets the failing rest, and finishes what is in hand."""

import asyncio
from collections.abc import Collection
from uuid import UUID, uuid4

import pytest

from app.core import clock
from app.core import drain as drain_module
from app.core.drain import LONGEST_REST_S, PASSES_S, RESTS_S, Drain, _Rest


class Table:
    """Rows that are due until they are done."""

    def __init__(self, count: int) -> None:
        self.due = [uuid4() for _ in range(count)]
        self.done: list[UUID] = []
        self.tried: list[UUID] = []
        self.bad: set[UUID] = set()
        self.at_work = 0
        self.most_at_work = 0
        self.open = asyncio.Event()
        self.open.set()

    async def look(self, most: int, besides: Collection[UUID]) -> list[UUID]:
        return [each for each in self.due if each not in besides][:most]

    async def do(self, each: UUID) -> None:
        self.tried.append(each)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            await self.open.wait()
            if each in self.bad:
                raise LookupError("a row that nobody can read")
            self.due.remove(each)
            self.done.append(each)
        finally:
            self.at_work -= 1


async def stopped(drain: Drain, table: Table, when_done: int) -> None:
    working = asyncio.create_task(drain.run())
    async with asyncio.timeout(20):
        while len(table.done) < when_done:  # noqa: ASYNC110 - the table is a plain list
            await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_all_that_is_due_is_done_once_and_never_more_at_a_time_than_asked() -> None:
    table = Table(20)
    table.open.clear()
    asyncio.get_running_loop().call_later(0.01, table.open.set)
    await stopped(Drain("rows", table.look, table.do, at_once=3, every_s=0), table, 20)
    assert (len(set(table.done)), len(table.tried), table.most_at_work) == (20, 20, 3)


async def test_what_fails_rests_longer_each_time_and_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    table = Table(3)
    table.bad.add(table.due[0])
    now = 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    drain = Drain("rows", table.look, table.do, at_once=1, every_s=0)
    await stopped(drain, table, 2)
    assert table.tried == [table.due[0], *table.done], "the others had their turn"
    tries = []
    for now in (2.9, 3.1, 12.0, 12.2):  # noqa: B007 - the clock reads it
        await drain._begin()
        await asyncio.gather(*drain._in_hand, return_exceptions=True)
        tries.append(len(table.tried))
    assert tries == [3, 4, 4, 5], "after 3 s, then after 9 more"
    now = 20.0
    drain._rests[table.due[0]] = _Rest(0.0, failed=10_000)
    await drain._begin()
    await asyncio.gather(*drain._in_hand, return_exceptions=True)
    assert drain._rests[table.due[0]].until == now + LONGEST_REST_S
    assert "ALERT rows failed" in caplog.text


async def test_a_lock_or_a_lost_connection_is_no_fault_of_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = uuid4()
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)

    async def look(_most: int, _but_for: Collection[UUID]) -> list[UUID]:
        return [row]

    async def work(_row: UUID) -> None:
        raise ConnectionError

    drain = Drain("rows", look, work)
    for _ in range(3):
        await drain._try(row)
        assert drain._rests[row] == _Rest(PASSES_S, failed=0)


async def test_of_a_long_queue_some_are_looked_for_ahead() -> None:
    table, looks = Table(40), 0

    async def look(most: int, but_for: Collection[UUID]) -> list[UUID]:
        nonlocal looks
        looks += 1
        return await table.look(most, but_for)

    await stopped(Drain("rows", look, table.do, at_once=5, every_s=0), table, 40)
    assert looks <= 4, "twenty at a time"


async def test_what_changed_nothing_rests_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Collection[UUID]] = []
    row, now = uuid4(), 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)

    async def look(_most: int, besides: Collection[UUID]) -> list[UUID]:
        looked.append(list(besides))
        return [] if row in besides else [row]

    async def do(_each: UUID) -> None:
        return

    drain = Drain("rows", look, do)
    for now in (0.0, RESTS_S / 2, RESTS_S * 1.1):  # noqa: B007 - the clock reads it
        await drain._begin()
        await asyncio.gather(*drain._in_hand)
    assert looked == [[], [row], []]


async def test_a_look_that_fails_is_repeated_but_not_at_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "LONGEST_BLINDNESS_S", 0.01)
    table, looks = Table(1), 0

    async def look(most: int, besides: Collection[UUID]) -> list[UUID]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ConnectionError
        return await table.look(most, besides)

    await stopped(Drain("rows", look, table.do, every_s=0), table, 1)
    assert "could not look" in caplog.text


async def test_a_stop_lets_what_is_in_hand_come_to_its_end() -> None:
    table = Table(2)
    table.open.clear()
    working = asyncio.create_task(Drain("rows", table.look, table.do, every_s=0).run())
    while table.at_work < 2:  # noqa: ASYNC110 - a plain number
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.sleep(0)
    table.open.set()
    await asyncio.gather(working, return_exceptions=True)
    assert len(table.done) == 2
