"""A crew's leader at work: takes what the phone shows, in a sensible order, one job at a time."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.core import clock
from app.demo.client import Refused, Unreachable
from app.demo.pace import pause
from app.demo.person import Person
from app.demo.phone import Job, Phone
from app.demo.roads import Roads
from app.demo.sites import Sites
from app.demo.visit import Visit

log = logging.getLogger(__name__)
_EARLY = timedelta(minutes=20)
_URGENCY = {"E1": 0, "E2": 1}
_IN_HAND = ("ACCEPTED", "ENROUTE", "ONSITE", "WORKING")


@dataclass(slots=True)
class Leader:
    """The habits of the person who leads a crew; also leads joint crews when named for it."""

    phone: Phone
    people: Mapping[str, Person]
    """Everybody by technician id; joint crews borrow from other crews."""
    sites: Sites
    roads: Roads | None = None
    _handled: set[str] = field(default_factory=set)
    """Assignments that were looked at already: each is accepted or refused once."""
    _announced: set[str] = field(default_factory=set)
    """Assignments whose customers were called; before that nobody departs."""
    _uploads: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer_jobs(self) -> None:
        """Accept or refuse new jobs as they come, also in the middle of other work."""
        async with asyncio.TaskGroup() as group:
            while True:
                for job in self._mine("SENT"):
                    if job["assignment_id"] not in self._handled:
                        self._handled.add(job["assignment_id"])
                        group.create_task(survive(self._answer(job)))
                await self._next_change()

    async def work(self) -> None:
        """Do the accepted jobs one after the other."""
        while True:
            job = self._next_job()
            if job is None:
                await self._next_change()
            else:
                await survive(self._visit(job))

    def _mine(self, *states: str) -> list[Job]:
        """The jobs in these states whose crew the owner of the phone leads."""
        return [
            job
            for job in self.phone.jobs.values()
            if job["state"] in states and self.phone.leads(job["crew_id"])
        ]

    def _next_job(self) -> Job | None:
        """Begun work first, then danger, then outages, then in the order it was sent."""
        ready = [job for job in self._mine(*_IN_HAND) if self._may_start(job)]
        return min(ready, key=_rank, default=None)

    def _may_start(self, job: Job) -> bool:
        """Not before the customer was called, nor long before the slot that was agreed."""
        if job["state"] != "ACCEPTED":
            return True
        if job["assignment_id"] in self._handled - self._announced:
            return False
        slot = job["appointment"]
        if slot is None:
            return True
        return datetime.fromisoformat(slot["starts_at"]) <= clock.now() + _EARLY

    async def _next_change(self) -> None:
        try:
            async with asyncio.timeout(2), self.phone.changed:
                await self.phone.changed.wait()
        except TimeoutError:
            return

    async def _answer(self, job: Job) -> None:
        """After a moment to look at the phone: refuse once where it is meant so, else accept."""
        site = await self.sites.of(job["id"])
        await pause(random.uniform(6, 25))
        if site.twist == "refused_first" and not site.refusals and job["service_class"] != "E1":
            site.refusals += 1
            await self.phone.do("refuse", job["id"], reason=site.reason)
            return
        answer = await self.phone.do("accept", job["id"])
        if answer is None or answer["outcome"] != "applied":
            return
        await self._call_customer(job)
        async with self.phone.changed:
            self.phone.changed.notify_all()

    async def _call_customer(self, job: Job) -> None:
        """That they come, within a minute or two; whoever does not answer is visited too."""
        try:
            await pause(random.uniform(20, 90))
            if self.phone.jobs.get(job["id"], {}).get("state") == "ACCEPTED":
                await self.phone.do("contact", job["id"], reached=random.random() < 0.93)
        finally:
            self._announced.add(job["assignment_id"])

    async def _visit(self, job: Job) -> None:
        crew = self.phone.crews[job["crew_id"]]
        members = [self.people[member["technician_id"]] for member in crew["members"]]
        site = await self.sites.of(job["id"])
        visit = Visit(self.phone, job["id"], members, site, self.roads)
        if job["state"] == "WORKING" and job["rejected_because"]:
            await visit.repair_record()
        else:
            for member in sorted(members, key=lambda each: each.technician_id):
                await member.busy.acquire()
            try:
                await visit.carry_out()
            finally:
                for member in members:
                    member.busy.release()
        self._send_files(visit)

    def _send_files(self, visit: Visit) -> None:
        task = asyncio.create_task(survive(visit.send_files()))
        self._uploads.add(task)
        task.add_done_callback(self._uploads.discard)


def _rank(job: Job) -> tuple[int, int, str]:
    begun = -_IN_HAND.index(job["state"])
    return (begun, _URGENCY.get(job["service_class"], 2), job["assigned_at"])


async def survive(doing: Awaitable[None]) -> None:
    """A refusal or an outage ends what was being done, not the person; it is logged."""
    try:
        await doing
    except (Refused, Unreachable, TimeoutError) as error:
        log.warning("%s", error)
        await asyncio.sleep(0.5)
