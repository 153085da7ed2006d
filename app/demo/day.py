"""The order of a demo day: inputs, database, company, processes, the morning, the account."""

import asyncio
import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console

from app.core import clock
from app.demo import machine
from app.demo.board import Board
from app.demo.call_centre import CallCentre
from app.demo.client import Refused, Unreachable
from app.demo.closing import Closing
from app.demo.database import fresh_database
from app.demo.demand import places_from_demand
from app.demo.desk import Desk
from app.demo.enquiries import Enquiries
from app.demo.founding import Company, write_logins
from app.demo.inputs import Inputs, build_inputs
from app.demo.map_places import places_from_map
from app.demo.office import Office
from app.demo.opening import House, open_client, open_house
from app.demo.options import DemoOptions
from app.demo.progress import Progress
from app.demo.questions import Questions
from app.demo.town import generate_city
from app.provision import CannotProvision

_DRAIN = timedelta(hours=2, minutes=30)
_LOOK_EVERY_S = 1.5
_PLANS_EVERY = 5
_PLAN_SECONDS = 0.5
_OF_THE_DAY = ("maps/current", "maps/speeds.toml")


class Day:
    """One demo from nothing to the summary."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        self.options = options
        self.console = console
        self._began = clock.monotonic()

    async def play(self) -> int:
        """The exit status of the demo."""
        inputs = await asyncio.to_thread(self._inputs)
        self.console.print(inputs.load.sentence())
        self.console.print(f"inputs_sha256 {inputs.inputs_sha256}")
        if self.options.rate is None:
            rate = self.options.clock_rate(await asyncio.to_thread(machine.speed))
            self.options = replace(self.options, rate=rate)
        with _only_one(self.options.folder):
            return await self._play(inputs)

    async def _play(self, inputs: Inputs) -> int:
        _clear(self.options.folder)
        database_url = await asyncio.to_thread(fresh_database)
        house = open_house(self.options, database_url)
        async with house.children, open_client(house) as http:
            self._say("setting up the company: schema, registers, accounts, map")
            company = await house.prepare(http, inputs)
            write_logins(company, self.options.folder / "logins.json")
            self._say("opening: API, worker, push server, phones")
            await house.open_day(inputs, company)
            self._say(f"the day begins: one minute takes {60 / self.options.clock_rate():.1f} s")
            board = Board(house.tell_phones, self.options.shorten)
            await self._morning(house, company, inputs, board)
            closing = Closing(self.options, self.console, house, company, board)
            return await closing.account(inputs, database_url)

    def _say(self, line: str) -> None:
        self.console.print(f"[{clock.monotonic() - self._began:5.1f} s] {line}", markup=False)

    def _inputs(self) -> Inputs:
        options = self.options
        if options.map_file:
            city = places_from_map(options.map_file, options.orders, options.seed)
        elif options.demand_file:
            assert options.area is not None
            city = places_from_demand(
                options.demand_file, options.area, options.orders, options.seed
            )
        else:
            city = generate_city(options.seed)
        return build_inputs(
            city, seed=options.seed, orders=options.orders, hours=float(options.hours)
        )

    async def _morning(self, house: House, company: Company, inputs: Inputs, board: Board) -> None:
        """Everybody works until nothing is left to do, or the crews have gone home."""
        ends_at = inputs.opens_at + timedelta(hours=inputs.hours) + _DRAIN
        workers = [
            CallCentre(company, inputs, board).run(),
            Desk(company, board, _PLAN_SECONDS).run(),
            Office(company, board).run(),
            Enquiries(company, board, self.options.orders).run(),
            Questions(company, board, _PLAN_SECONDS).run(),
            house.hear_phones(board),
            house.watch(),
        ]
        with Progress(self.console, inputs, board) as progress:
            tasks = [asyncio.create_task(worker) for worker in workers]
            try:
                await self._look_on(house, company, board, progress, ends_at, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_on(
        self,
        house: House,
        company: Company,
        board: Board,
        progress: Progress,
        ends_at: datetime,
        tasks: list[asyncio.Task[None]],
    ) -> None:
        manager = company.as_("manager")
        async with httpx.AsyncClient(base_url=house.push_url) as push:
            while clock.now() < ends_at and not board.settled():
                for task in tasks:
                    if task.done() and not task.cancelled():
                        task.result()
                with contextlib.suppress(Refused, Unreachable):
                    await board.read_orders(manager)
                    if board.looks % _PLANS_EVERY == 0:
                        await board.count_plans(manager)
                with contextlib.suppress(httpx.HTTPError):
                    board.push_counts = (await push.get("/counts")).json()
                progress.show()
                await asyncio.sleep(_LOOK_EVERY_S)


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two demos would empty each other's files and database.

    Raises CannotProvision when another one holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotProvision(f"Another demo runs in {folder}: end it first.") from error
        yield


def _clear(folder: Path) -> None:
    """Empty the demo's own folder of the demo before; only what a demo made is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("logs", "evidence", "registers", "pay"):
        shutil.rmtree(folder / name, ignore_errors=True)
    # Without the link no map is in use: complaints come without roads. Built maps stay for reuse,
    # what was learnt does not: every day begins with the speeds of before any learning.
    for name in ("phones.json", "logins.json", "push-account.json", *_OF_THE_DAY):
        (folder / name).unlink(missing_ok=True)
