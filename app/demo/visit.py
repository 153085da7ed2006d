"""One visit: from the van to the record of the finished work, whatever the site has in store."""

import asyncio
import contextlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from app.core import clock
from app.demo.album import Shot, file_kinds, take
from app.demo.inputs import COMPANY_ZONE
from app.demo.pace import pause
from app.demo.person import Person, drive
from app.demo.phone import Job, LonLat, Phone
from app.demo.roads import Roads
from app.demo.sites import Site
from app.demo.tus_upload import upload

_PATIENCE_S = 25 * 60.0
_UPLOAD_TRIES = 3
_SITE_FIX_EVERY_S = (200.0, 300.0)
_SITE_FIXES = 3
_PROOFS = {"customer_absent": "sms", "waiting_parts": "store_entry"}
"""What each reason for a hold rests on."""
"""So many in one batch from a crew at work."""


class Interrupted(Exception):
    """The order left the crew in the middle: reassigned, cancelled, on hold, or returned."""


@dataclass(slots=True)
class Visit:
    """What a crew does for one order; can be taken up again in any state."""

    phone: Phone
    order_id: str
    people: Sequence[Person]
    site: Site
    roads: Roads | None = None
    _files: list[tuple[Phone, Shot]] = field(default_factory=list)

    @property
    def job(self) -> Job:
        """The order as the phone shows it now; raises Interrupted when it is gone."""
        if self.order_id not in self.phone.jobs:
            raise Interrupted
        return self.phone.jobs[self.order_id]

    async def carry_out(self) -> None:
        """Drive, check in, work, complete; ends early when the order is taken away."""
        try:
            await self._get_there()
            with self._seen_on_site():
                await self._do_the_work()
        except Interrupted:
            return
        finally:
            self.phone.offline = False
            await self.phone.flush()

    async def _get_there(self) -> None:
        if self.job["state"] == "ACCEPTED":
            await self._act("depart")
        place = self.job["place"]
        drivers = sorted(self.people, key=lambda person: person.phone is not self.phone)
        await drive(drivers, _beside((place["lon"], place["lat"])), self.roads, lambda: self.job)
        if self.job["state"] == "ENROUTE":
            await self._act("arrive")
        await pause(random.uniform(60, 180))

    async def _do_the_work(self) -> None:
        if self.site.twist == "returned" and not self.site.returned:
            self.site.returned = True
            await self._act("return", reason=self.site.reason)
            raise Interrupted
        if self.site.twist == "absent":
            await self._hold("customer_absent")
        before, after = file_kinds(self.job["evidence"]["required"])
        await self._photograph(before)
        if self.job["state"] == "ONSITE":
            await self._act("start", **self._safety())
        if self.site.twist == "held" and not self.site.held:
            self.site.held = True
            await pause(0.3 * self.site.work_s)
            await self._hold("waiting_parts")
        self.phone.offline = self.site.basement
        await self._repair()
        await self._photograph(after)
        await self._act("complete", completion=self._record())
        if self.phone.offline:
            await pause(random.uniform(120, 600))

    @contextlib.contextmanager
    def _seen_on_site(self) -> Iterator[None]:
        """The leader's phone tells where it is meanwhile."""
        task = asyncio.create_task(self._report_from_site())
        try:
            yield
        finally:
            task.cancel()

    async def _report_from_site(self) -> None:
        while True:
            for _ in range(_SITE_FIXES):
                await pause(random.uniform(*_SITE_FIX_EVERY_S))
                self.phone.measure(clock.now())
            await self.phone.send_fixes()

    async def _repair(self) -> None:
        """The work itself; danger is over after a quarter of it."""
        await pause(0.25 * self.site.work_s)
        if self.job["service_class"] == "E1":
            await self._act("make_safe")
        await pause(0.65 * self.site.work_s)
        await self._act("restore", readings=_readings(self.site)[:1] or None)
        await pause(0.1 * self.site.work_s)

    async def repair_record(self) -> None:
        """The reviewer sent it back: take the picture that was asked for, and send it again."""
        await pause(random.uniform(120, 300))
        _, after = file_kinds(self.job["evidence"]["required"])
        before, _ = file_kinds(self.job["evidence"]["required"])
        await self._photograph([*before, *after], number=2)
        await self._act("complete", completion=self._record())

    async def _act(self, kind: str, **said: Any) -> None:
        """One command; raises Interrupted when the service says that the order is elsewhere."""
        _ = self.job
        said = {name: value for name, value in said.items() if value is not None}
        answer = await self.phone.do(kind, self.order_id, **said)
        if answer is not None and answer["outcome"] in ("refused", "conflict"):
            why = answer["conflict_reason"] or answer["problem"]["type"].rsplit(":")[-1]
            self.phone.counts[f"{answer['outcome']}:{kind}:{why}"] += 1
            await self.phone.pull()
            raise Interrupted

    async def _hold(self, why: str) -> None:
        """Ask for a hold until the part is there or the customer is; then leave, if approved."""
        until = clock.now() + timedelta(minutes=45) if self._short(why) else _tomorrow()
        proof = {"kind": _PROOFS[why], "reference": f"{self.order_id[-6:]} {why}"}
        said = {"hold_reason": why, "until": until.isoformat(), "reason": self.site.reason}
        await self._act("hold", **said, proof=proof)
        if await self.phone.until_gone(self.order_id, _PATIENCE_S):
            raise Interrupted

    def _short(self, why: str) -> bool:
        return why == "waiting_parts" and self.site.short_hold

    def _safety(self) -> dict[str, Any]:
        """Guardian and checklist where the job asks for them."""
        if not self.job["safety"]["guardian_required"]:
            return {}
        watching = [each for each in self.people if each.phone is not self.phone]
        guardian = watching[0].technician_id if watching else None
        return {"guardian_id": guardian, "checklist_confirmed": True}

    async def _photograph(self, kinds: Sequence[str], number: int = 1) -> None:
        """Pictures into the album of the leader, some of them into a helper's."""
        for shot in await take(kinds, self.job["serial"], clock.now(), number):
            holder = random.choice(self.people).phone if shot.kind in "BF" else self.phone
            own = holder is self.phone or await self._declared_by(holder, shot)
            self._files.append((holder if own else self.phone, shot))

    async def _declared_by(self, helper: Phone, shot: Shot) -> bool:
        """A helper's picture is the helper's to declare; whose phone is off line takes none."""
        if helper.offline:
            return False
        answer = await helper.do("record", self.order_id, contribution={"files": [shot.declared()]})
        return answer is not None and answer["outcome"] == "applied"

    def _record(self) -> dict[str, Any]:
        """The completion record; the shares are left to the default split."""
        now = clock.now()
        letters = self.job["evidence"]["required"]
        record: dict[str, Any] = {
            "outcome": "fixed",
            "cause_code": self.site.cause_code,
            "summary": _summary(self.job, self.site),
            "readings": _readings(self.site),
            "manifest": [shot.declared() for _, shot in self._files],
        }
        if self.site.cause_code == "no_fault_found":
            record["outcome"] = "no_fault_found"
        if "W" in letters:
            closed_at = (now - timedelta(minutes=3)).isoformat()
            record["permit"] = {"number": f"QX-{self.job['serial']}", "closed_at": closed_at}
        if "G" in letters:
            record["signed_by"] = self.site.customer or self.job["caller_name"]
        return record

    async def send_files(self) -> None:
        """Upload the album; what was sent before is sent again without harm."""
        for holder, shot in self._files:
            torn = self.site.torn and shot.kind == "F"
            resumed = await upload(holder.caller, self.order_id, shot, torn=torn)
            self.phone.counts["files_sent"] += 1
            self.phone.counts["bytes_sent"] += len(shot.content)
            self.phone.counts["uploads_resumed"] += resumed


def _readings(site: Site) -> list[dict[str, Any]]:
    return [
        {
            "kind": each["kind"],
            "value": each["value"],
            "unit": each["unit"],
            ("room" if each["kind"] == "R" else "point"): each["point"],
            "device_no": "DM-0417",
        }
        for each in site.readings
    ]


def _summary(job: Job, site: Site) -> str:
    done = "现场检测未见异常" if site.cause_code == "no_fault_found" else "已处理并恢复正常"
    return f"{job['fault']['name']['zh']}：{done}"


def _beside(place: LonLat) -> LonLat:
    """Where the van stops: within some 30 m of the place."""
    return (
        round(place[0] + random.uniform(-3e-4, 3e-4), 7),
        round(place[1] + random.uniform(-2e-4, 2e-4), 7),
    )


def _tomorrow() -> datetime:
    """Nine o'clock of the next morning."""
    day = clock.now().astimezone(COMPANY_ZONE).date() + timedelta(days=1)
    return datetime.combine(day, time(9), COMPANY_ZONE)
