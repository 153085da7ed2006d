"""One shift on a hostile network: work comes in while everything is killed; then the verdict."""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from app.core import clock
from app.demo.client import Caller, open_http
from app.demo.pictures import site_photo
from tests.factories.world import NOW, PASSWORD
from tests.hostile.chaos import Chaos
from tests.hostile.company import CHIEF
from tests.hostile.desk import Desk
from tests.hostile.house import House
from tests.hostile.judge import Standing, Verdict, judge, read
from tests.hostile.network import HostileNetwork
from tests.hostile.phones import Handset, make_handset
from tests.hostile.stranger import Stranger

_PICTURES = 6
_BASEMENT = 0.3
_PROGRESS_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how bad, how long at most; seconds are real ones."""

    jobs: int
    crews: int
    seed: int
    longest_s: float
    share: float = 0.3
    apps_every_s: float = 4.0
    servers_every_s: float = 40.0
    servers: tuple[str, ...] = ("api", "database", "worker")
    server_kills: int = 1000
    """So many at most."""
    taken_away_every: int = 8
    sign_in_s: float = 60.0
    """So short that phones renew their sign-ins all the time, on this network."""


@dataclass(slots=True)
class Shift:
    """Use `play`, then read `figures`."""

    house: House
    plan: Plan
    folder: Path
    crews: Sequence[str]
    """Of this shift alone: others may have left work behind."""
    handsets: list[Handset] = field(default_factory=list)
    network: HostileNetwork = field(init=False)
    desk: Desk = field(init=False)
    stranger: Stranger = field(init=False)
    chaos: Chaos = field(init=False)
    verdict: Verdict = field(init=False)
    took_s: float = 0.0
    finished: bool = False

    async def play(self) -> Verdict:
        """Until all that was said has arrived, or the time is over."""
        chance = random.Random(self.plan.seed)
        before = await asyncio.to_thread(read, self.house.config.database_url)
        self.network = HostileNetwork(self.house.port, self.plan.seed, self.plan.share)
        self.desk = Desk(self.house, self.plan.jobs, self.crews, chance, self.plan.taken_away_every)
        began = clock.monotonic()
        async with self.network:
            self._unpack(self.network.url)
            self.stranger = Stranger(self.house, self.handsets, chance)
            try:
                for handset in self.handsets:
                    await handset.start()
                progress = asyncio.create_task(self._tell_progress(began))
                async with asyncio.timeout(self.plan.longest_s):
                    await self._work(chance)
                self.finished = True
            except TimeoutError:
                pass
            finally:
                progress.cancel()
                for handset in self.handsets:
                    await handset.kill()
            await self.network.delivered()
        self.took_s = clock.monotonic() - began
        self.verdict = await self._judge(before)
        print(json.dumps(self.verdict.figures() | {"took_s": self.took_s}), file=sys.stderr)
        return self.verdict

    def _unpack(self, url: str) -> None:
        """Phones, and what their cameras will see."""
        camera = self.folder / "camera"
        camera.mkdir(parents=True)
        pictures = [camera / f"{number}.jpg" for number in range(_PICTURES)]
        for picture in pictures:
            picture.write_bytes(site_photo(picture.stem, ["SITE", picture.stem], NOW))
        self.handsets = [
            make_handset(self.house, self.folder, owner, url, pictures, _BASEMENT)
            for owner in self.house.roster.owners
            if owner.crew in self.crews
        ]

    async def _work(self, chance: random.Random) -> None:
        plan = self.plan
        servers = list(islice(cycle(plan.servers), plan.server_kills))
        chaos = self.chaos = Chaos(
            self.house, self.handsets, chance, plan.apps_every_s, plan.servers_every_s, servers
        )
        killing = asyncio.create_task(chaos.run())
        prying = asyncio.create_task(self.stranger.run())
        try:
            await self._unless_failed(self.desk.run(), killing, prying)
            await self._unless_failed(self._all_sent(), killing, prying)
        finally:
            for task in (killing, prying):
                task.cancel()
            await asyncio.gather(killing, prying, return_exceptions=True)
            await chaos.repaired()
        await self._drained()

    async def _unless_failed(self, doing: Any, *beside: asyncio.Task[None]) -> None:
        """Do it; what fails beside it comes out here."""
        task = asyncio.create_task(doing)
        try:
            await asyncio.wait([task, *beside], return_when=asyncio.FIRST_COMPLETED)
            for each in beside:
                if each.done():
                    each.result()
            await task
        finally:
            task.cancel()

    async def _all_sent(self) -> None:
        """Until nobody has a job in hand, in calm or in storm."""
        while await self.desk.open_jobs():  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.5)

    async def _tell_progress(self, began: float) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            said = [handset.said for handset in self.handsets]
            line = {
                "s": round(clock.monotonic() - began),
                "jobs": len(self.desk.sent),
                "commands": sum(len(each.commands) for each in said),
                "files": sum(len(each.files) for each in said),
                "requests": self.network.traffic.requests,
                "answers": dict(self.network.traffic.answers),
                "drained": sum(handset.drained for handset in self.handsets),
                "kills": dict(self.house.kills),
            }
            print(json.dumps(line), file=sys.stderr)

    async def _drained(self) -> None:
        """No more kills, the network as bad as before: until every phone says that all is safe."""
        for handset in self.handsets:
            handset.drained = False
        while not all(handset.drained for handset in self.handsets):
            for handset in self.handsets:
                handset.assert_alive()
            await asyncio.sleep(0.2)

    async def _judge(self, before: Standing) -> Verdict:
        """The verdict on what came to the server since `before`."""
        async with open_http(self.house.url) as http:
            chief = Caller(http, CHIEF, PASSWORD)
            listed = [each["command_id"] for each in await chief.pages("/phone-conflicts")]
        standing = await asyncio.to_thread(read, self.house.config.database_url, listed)
        return judge([each.said for each in self.handsets], standing.since(before))

    def figures(self) -> dict[str, Any]:
        """What this shift showed, as JSON."""
        said = [handset.said for handset in self.handsets]
        kept = [file for each in said for file in each.files.values() if file.kept]
        file_bytes = sum(file.path.stat().st_size for file in kept)
        traffic = self.network.traffic
        lost = len(self.verdict.commands_lost) + len(self.verdict.files_missing)
        sent = sum(len(each.commands) for each in said)
        return {
            "jobs": len(self.desk.sent),
            "jobs_taken_away": len(self.desk.taken_away),
            "phones": len(said),
            "finished": self.finished,
            "took_s": round(self.took_s, 1),
            "commands_sent": sent,
            "files_sent": len(kept),
            **self.verdict.figures(),
            "offline_loss": {"lost": lost, "of": sent + len(kept)},
            "upload_overhead": round(traffic.sent["uploads"] / max(1, file_bytes), 3),
            "file_bytes": file_bytes,
            "bytes_sent": dict(traffic.sent),
            "bytes_received": dict(traffic.received),
            "processor_s": self.house.processor_s(),
            "requests": traffic.requests,
            "answers": dict(sorted(traffic.answers.items())),
            "spoilt": dict(sorted(traffic.spoilt.items())),
            "spoilt_share": round(traffic.spoilt.total() / max(1, traffic.requests), 3),
            "apps_killed": sum(handset.kills for handset in self.handsets) - len(said),
            "servers_killed": dict(self.house.kills),
            "worker_jobs_cut": len(self.chaos.cut_work),
            "sign_ins_renewed": dict(traffic.renewals),
            "stranger_tries": self.stranger.tries,
            "signed_out": sum(each.signed_out for each in said),
            "refused_requests": _counted([p for each in said for p in each.problems]),
            "examples": self.verdict.examples(),
        }


def _counted(problems: Sequence[str]) -> dict[str, int]:
    return {each: problems.count(each) for each in sorted(set(problems))}
