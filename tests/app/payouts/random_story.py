"""Two months of a crew, drawn by a seed: everything that may happen to pay, in the order of time.

Work is done in January, decided on into February, and both months are closed with their appeals.
A story has what `story.play`, the oracle and the tables of the benchmark need alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
JANUARY, FEBRUARY = "2026-01", "2026-02"
PUBLISHED = {
    JANUARY: datetime(2026, 2, 3, 1, tzinfo=UTC),
    FEBRUARY: datetime(2026, 3, 3, 1, tzinfo=UTC),
}
LOCKED = {
    JANUARY: datetime(2026, 2, 9, 1, tzinfo=UTC),
    FEBRUARY: datetime(2026, 3, 10, 1, tzinfo=UTC),
}
FAULTS = (("H01", "6"), ("H10", "20"))
SPLITS = (("0.55", "0.45"), ("0.6", "0.4"), ("0.5", "0.5"), ("1", "0"), ("0.6667", "0.3333"))
OUTCOMES = ("fixed",) * 7 + ("absent", "no_fault_found", "handed_over")
KINDS = ("late_arrival", "late_done", "low_rating", "complaint", "complaint", "false_proof")
CAUSES = ("workmanship", "workmanship", "part", "user", "new_fault")
WINDOW = timedelta(days=15)
Step = dict[str, Any]


@dataclass(slots=True)
class CrewsMonths:
    """Draws one crew's story; `people` are its leader and its helper."""

    seed: str
    people: tuple[str, str]
    orders: int
    faults: Sequence[tuple[str, str]] = FAULTS
    steps: list[Step] = field(default_factory=list)

    def told(self) -> list[Step]:
        """The steps by time; each has `at`."""
        random = Random(self.seed)
        span_min = 30 * 24 * 60 - 600
        times = sorted(random.randrange(span_min) for _ in range(self.orders))
        for number, minute in enumerate(times):
            self._order(random, number, BEGINS + timedelta(minutes=minute))
        for month in (JANUARY, FEBRUARY):
            self.steps.append({"do": "publish", "month": month, "at": PUBLISHED[month]})
            self.steps.append(
                {"do": "close", "month": month, "at": LOCKED[month], "undecided": self._open(month)}
            )
        return sorted(self.steps, key=lambda step: step["at"])

    def _order(self, random: Random, number: int, arrived: datetime) -> None:
        name = f"{self.seed}-{number}"
        step = self._pass(random, name, arrived)
        if number % 10 == 9 and self.steps:
            self._same_building(step, f"B{name}", random, arrived)
        self.steps.append(step)
        chance = random.random()
        if chance < 0.02:
            return  # nobody reaches the customer: undecided when January is closed
        closed = step["at"] + timedelta(minutes=random.randrange(30, 2000))
        repeated = step["outcome"] == "fixed" and random.random() < 0.03
        rating = random.choice((None, None, 3, 4, 5))
        self.steps.append({"do": "rate", "order": name, "rating": rating or 0, "at": closed})
        if repeated:
            self._repeated(random, step, closed)
        elif step["outcome"] == "fixed":
            self._lasts(step, closed)
        if random.random() < 0.03:
            self._deduct(random, name, closed)
        if random.random() < 0.01:
            self._adjust(random, name, closed)

    def _pass(self, random: Random, name: str, arrived: datetime) -> Step:
        fault, points = random.choice(self.faults)
        started = arrived + timedelta(minutes=5)
        done = started + timedelta(minutes=random.randrange(10, 100))
        step: Step = {
            "do": "pass",
            "order": name,
            "fault": fault,
            "points": points,
            "shares": dict(zip(self.people, random.choice(SPLITS), strict=True)),
            "leader": self.people[0],
            "outcome": random.choice(OUTCOMES),
            "zone": random.choice(("urban", "urban", "rural", "remote")),
            "crew": self.people[0],
            "arrived": arrived,
            "started": started,
            "done": done,
            "at": done + timedelta(hours=7),
        }
        if random.random() < 0.1:
            step["difficulty"] = random.choice(("hard", "extreme"))
        if step["outcome"] == "handed_over" and random.random() < 0.5:
            step["handed_over"] = random.choice(("0", "0.25", "0.4", "1"))
        return step

    def _same_building(self, step: Step, building: str, random: Random, at: datetime) -> None:
        """The order before it was in the same building, and perhaps they still are on that trip."""
        before = [each for each in self.steps if each["do"] == "pass" and "repeats" not in each][-1]
        follows = before["arrived"] < step["arrived"] and before["at"] < step["at"]
        if "building" not in before and follows:
            before["building"] = step["building"] = building
            before["zone"] = step["zone"] = random.choice(("rural", "remote"))

    def _repeated(self, random: Random, original: Step, closed: datetime) -> None:
        """The same fault comes back within the window; somebody says why, sooner or later."""
        again = self._pass(random, f"{original['order']}R", closed + timedelta(days=1))
        again |= {"repeats": original["order"], "outcome": "fixed", "zone": "urban"}
        cause, early = random.choice(CAUSES), random.random() < 0.5
        decided = again["at"] + timedelta(hours=-8 if early else random.randrange(1, 200))
        names = {"order": again["order"], "repeats": original["order"]}
        self.steps.append(again)
        self.steps.append({"do": "attribute", **names, "cause": cause, "at": decided})
        closes = again["at"] + timedelta(hours=20)
        self.steps.append({"do": "rate", "order": again["order"], "rating": 0, "at": closes})
        self._lasts(again, closes)
        if cause in ("user", "new_fault"):
            self._lasts(original, max(closed, decided))

    def _lasts(self, step: Step, known: datetime) -> None:
        """Nothing came back, or nothing that the repair was to blame for."""
        due = max(step["done"] + WINDOW, known) + timedelta(minutes=30)
        self.steps.append({"do": "last", "order": step["order"], "at": due})

    def _deduct(self, random: Random, name: str, closed: datetime) -> None:
        person, kind = random.choice(self.people), random.choice(KINDS)
        at = closed + timedelta(hours=random.randrange(1, 60))
        said = {"order": name, "person": person}
        self.steps.append({"do": "deduct", **said, "kind": kind, "at": at})
        if at >= PUBLISHED[JANUARY] or random.random() < 0.6:
            return
        ruled = {"do": "grant", **said, "rule": f"deduct-{kind}"}
        raised = PUBLISHED[JANUARY] + timedelta(minutes=random.randrange(1, 2000))
        soon = random.random() < 0.6
        at = raised + timedelta(days=3 if soon else 9)
        self.steps.append(
            ruled | {"at": at, "raised": raised} | ({"month": JANUARY} if soon else {})
        )

    def _adjust(self, random: Random, name: str, closed: datetime) -> None:
        said = {"order": name, "person": random.choice(self.people)}
        at = closed + timedelta(hours=random.randrange(1, 90))
        points = str(random.randrange(1, 300) / 100)
        self.steps.append({"do": "adjust", **said, "points": points, "at": at})

    def _open(self, month: str) -> list[Step]:
        """What is not decided when a month is locked: pay without a call-back, open appeals."""
        at = LOCKED[month]
        rated = {s["order"] for s in self.steps if s["do"] == "rate" and s["at"] < at}
        named = {s["repeats"] for s in self.steps if s["do"] == "attribute" and s["at"] < at}
        passed = [s for s in self.steps if s["do"] == "pass" and s["at"] < at]
        lines = [
            {"order": each["order"], "person": who, "rule": "piece"}
            for each in passed
            if each["order"] not in rated | named
            for who in self.people
        ]
        return lines + [
            {name: each[name] for name in ("order", "person", "rule")}
            for each in self.steps
            if each["do"] == "grant" and each["raised"] < at < each["at"]
        ]
