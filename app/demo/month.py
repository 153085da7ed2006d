"""The end of the demo's month: draft, publication, an appeal, lock, settlement, and the papers.

Three weeks after the day the office opens again. Nobody worked or called meanwhile, and nothing of
the day is touched: only the API runs, on a later clock.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.core import clock
from app.demo.client import Caller, Refused
from app.demo.founding import Company
from app.demo.inputs import COMPANY_ZONE
from app.demo.opening import House
from app.demo.walk import MOST_CALLS, NothingThere, Walk, best_paid

FOLDER = "pay"
_DRAFT_DAY = 2
"""DOMAIN 5.9: the draft is made on the second of the month after."""
_APPEAL_DAYS = timedelta(days=7)
"""Three working days and a weekend are over then; the month is settled before the fifteenth."""
_GRANTED_POINTS = "0.50"
_CLAIM = "现场多楼层排气，耗时超出一般，请按实际难度复核"
_ANSWER = "照片和读数与所述一致，同意补记"
_DECISION = "同意维修站意见，补记积分"
Json = dict[str, Any]


@dataclass(slots=True)
class MonthEnd:
    """Closes one month for a company over HTTP; `closed` tells what came of it."""

    house: House
    company: Company
    month: str
    acts: list[Json] = field(default_factory=list)

    async def closed(self, folder: Path) -> Json:
        """The figures of the report's `month`; the papers lie in `folder` then."""
        clerk, began = self.company.as_("payclerk"), clock.monotonic()
        second = _second_after(self.month)
        await self.house.reopen(second)
        await self._act("draft")
        await self._act("published")
        appeal = await self._appealed(clerk)
        await self.house.reopen(second + _APPEAL_DAYS)
        await self._act("locked")
        await self._act("settled")
        manager = self.company.as_("manager")
        questions = await manager.get(f"/payouts/months/{self.month}/questions")
        total = (await manager.get("/payouts/summary", month=self.month))["totals"]["total"]
        return {
            "month": self.month,
            "state": (await clerk.get(f"/payouts/months/{self.month}"))["state"],
            "acts": {each["act"]: f"{each['at']} {each['by_name']}" for each in self.acts},
            "entries": total["entries"],
            "amount_minor": total["amount_minor"],
            "carried": self.acts[-2]["totals"]["carried"],
            "questions": len(questions),
            "appeal": appeal,
            "papers": await self._papers(clerk, folder),
            "walk": await self._walk(manager),
            "real_s": round(clock.monotonic() - began, 1),
        }

    async def _act(self, act: str) -> None:
        clerk = self.company.as_("payclerk")
        self.acts.append(await clerk.post(f"/payouts/months/{self.month}/acts", {"act": act}))

    async def _appealed(self, clerk: Caller) -> Json:
        """The best paid contests the best line, the station agrees, the company adds to it."""
        told = await clerk.get("/payouts/statements", month=self.month, limit=50)
        try:
            person, line = best_paid(told["items"])
        except NothingThere:
            return {}
        technician = self.company.technicians[person["technician_id"]]
        username = f"tech{int(technician['employee_no'][1:]):02d}"
        raised = await self.company.as_(username).post(
            f"/payouts/entries/{line['entry_id']}/appeal", {"reason": _CLAIM}
        )
        path = f"/payouts/appeals/{raised['id']}"
        codes = {key: code for code, key in self.company.station_ids.items()}
        chief = self.company.as_(f"chief_{codes[person['station_id']].lower()}")
        said: Json = {"verdict": "granted", "reason": _ANSWER, "points": _GRANTED_POINTS}
        await chief.post(f"{path}/answer", said)
        said = {"verdict": "granted", "reason": _DECISION, "points": _GRANTED_POINTS}
        decided = await self.company.as_("manager").post(f"{path}/decision", said)
        return {
            "entry": line["entry_id"],
            "station": decided["station_verdict"],
            "company": decided["company_verdict"],
            "points": decided["points"],
            "posted": decided["posted"],
        }

    async def _papers(self, clerk: Caller, folder: Path) -> list[str]:
        """Statements as a workbook and the payroll as CSV, as the pay clerk gets them."""
        folder.mkdir(parents=True, exist_ok=True)
        papers = {
            f"statements-{self.month}.xlsx": "/payouts/statements.xlsx",
            f"payroll-{self.month}.csv": "/payouts/payroll.csv",
        }
        for name, path in papers.items():
            answer = await clerk.send("GET", path, params={"month": self.month})
            await asyncio.to_thread((folder / name).write_bytes, answer.content)
        return [str(folder / name) for name in papers]

    async def _walk(self, manager: Caller) -> list[str]:
        try:
            return await Walk(manager).down(self.month)
        except (NothingThere, Refused) as why:
            return [f"stopped: {why}"]


def _second_after(month: str) -> datetime:
    """Nine o'clock of the second of the month after."""
    year, number = (int(part) for part in month.split("-"))
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(*following, _DRAFT_DAY, 9, tzinfo=COMPANY_ZONE)


async def books_checked(house: House) -> Json:
    """What `paigong payouts verify` says: how many entries, and how many differences."""
    status, printed = await house.children.attempt(
        "books", "app.cli", "payouts", "verify", "--json"
    )
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if not lines:
        return {"entries": 0, "differences": 1, "why": f"ended with status {status}"}
    told = json.loads(lines[-1])
    return {"entries": told["entries"], "differences": len(told["differences"])}


def month_missed(month: Json) -> Iterable[str]:
    """Which promises of the month did not hold, one sentence each."""
    walk: Sequence[str] = month["walk"]
    checks = {
        f"the month is {month['state']}, not settled": month["state"] != "settled",
        "nobody's appeal was decided": month["appeal"].get("company") != "granted",
        f"the books differ in {month['books']['differences']} places": (
            month["books"]["differences"] > 0
        ),
        "the books are empty": month["books"]["entries"] == 0,
        f"no way from the total to a photo: {walk[-1]}": walk[-1].startswith("stopped"),
        f"the photo was {len(walk)} calls away": len(walk) > MOST_CALLS,
    }
    return [why for why, is_so in checks.items() if is_so]
