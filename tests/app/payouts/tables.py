"""A ledger's story, read from the tables by SQL of its own, for the second evaluator.

Nothing here is the product's code: events, records and decisions become the oracle's steps, in the
order in which they came to be known, and the stored lines are set beside what it says.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from tests.app.payouts import tables_sql as sql
from tests.app.payouts.oracle import evaluate
from tests.app.payouts.oracle_days import kind_of_day

Row = dict[str, Any]
Step = dict[str, Any]
Said = tuple[str, str, str, str, str, str, int]
BLAMED = (None, "workmanship", "part")


class Compared(NamedTuple):
    """How many stored lines there are, and how many say what the second evaluator says."""

    entries: int
    equal: int
    only_stored: list[Said]
    only_evaluated: list[Said]

    @property
    def share(self) -> float:
        """Of all lines that either knows; 1 for books without any."""
        known = self.equal + max(len(self.only_stored), len(self.only_evaluated))
        return self.equal / known if known else 1.0


def compare(
    database_url: str,
    crews: Collection[str] | None = None,
    days: Callable[[str], str] = kind_of_day,
) -> Compared:
    """Every entry of these crews' orders, or of all, told twice."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        tables = Tables(connection, list(crews) if crews is not None else None)
        stored = Counter(_said(each) for each in tables.entries)
        told = Counter(evaluate(tables.cards(), tables.steps(), days))
    both = (stored & told).total()
    return Compared(
        stored.total(), both, list((stored - told).elements()), list((told - stored).elements())
    )


def _said(entry: Row) -> Said:
    return (
        *(str(entry["technician_id"]), str(entry["order_id"]), entry["kind"], entry["rule"]),
        *(entry["period"], f"{entry['points']:.2f}", entry["amount_minor"]),
    )


class Tables:
    """What the tables hold of some crews' orders, or of all orders."""

    def __init__(self, connection: psycopg.Connection[Row], crews: list[str] | None) -> None:
        self._connection, self._crews = connection, crews
        self.entries = self._rows(sql.ENTRIES)
        self.acts = self._rows(sql.ACTS)
        self.cases = self._rows(sql.CASES)
        self._repeated: dict[Any, list[Row]] = defaultdict(list)
        for case in self.cases:
            self._repeated[case["original_id"]].append(case)
        # When each order's bonus was written: the rules only say from when on it is due.
        self._swept = {
            each["order_id"]: each["created_at"]
            for each in self.entries
            if each["rule"] == "first-time-fix"
        }
        self._places = _places(self.entries)

    def _rows(self, query: str) -> list[Row]:
        found = self._connection.execute(query.encode(), {"crews": self._crews})
        return found.fetchall()

    def cards(self) -> list[tuple[Any, Any, Row]]:
        """The rate cards with their dates."""
        return [
            (
                row["effective_from"],
                row["effective_to"],
                row["rules"] | {"name": row["name"], "point_minor": row["point_minor"]},
            )
            for row in self._rows(sql.CARDS)
        ]

    def steps(self) -> list[Step]:
        """All that happened to pay, as it came to be known."""
        told = [*self._stays(), *self._work(), *self._decisions(), *self._months()]
        return [step for *_, step in sorted(told, key=lambda each: each[:3])]

    def _stays(self) -> Iterator[tuple[Any, int, Any, Step]]:
        for row in self._rows(sql.STAYS):
            said = {"order": str(row["order_id"]), "building": row["building_id"]}
            said |= {"crew": row["crew_id"], "arrived": row["at"]}
            yield row["known_at"], 0, row["id"], {"do": "arrive"} | said
            if row["left_at"] is not None:
                left = {"left": row["left_at"], "completed": row["how"] == "completed"}
                yield row["left_known_at"], 0, row["left_id"], {"do": "leave"} | said | left

    def _work(self) -> Iterator[tuple[Any, int, Any, Step]]:
        repeats = {row["order_id"]: str(row["original_id"]) for row in self.cases}
        passed = self._rows(sql.PASSED)
        closed = self._rows(sql.CLOSED)
        for row in passed:
            yield row["known_at"], 2, row["event_id"], _passed(row, repeats)
        for row in closed:
            said = {"order": str(row["order_id"]), "rating": row["rating"] or 0, "at": row["at"]}
            if row["action"] == "closed":
                yield row["at"], 3, row["id"], {"do": "rate"} | said
        over = {row["order_id"]: row["at"] for row in closed}
        for row in passed:
            at = self._lasted(row, over.get(row["order_id"]))
            if at is not None:
                yield (
                    at,
                    4,
                    row["event_id"],
                    {"do": "last", "order": str(row["order_id"]), "at": at},
                )

    def _lasted(self, row: Row, closed_at: Any) -> Any:
        """When the bonus for lasting work was brought in, or had to be by the last draft."""
        drafts = [act["at"] for act in self.acts if act["act"] == "draft"]
        at = self._swept.get(row["order_id"], max(drafts, default=None))
        days = (row["rules"].get("rework_days") or {}).get(row["domain"], 0)
        if at is None or closed_at is None or closed_at > at or row["outcome"] != "fixed":
            return None
        blamed = any(
            case["cause"] in BLAMED or case["decided_at"] > at
            for case in self._repeated[row["order_id"]]
            if case["proposed_at"] <= at
        )
        return None if blamed or row["done_at"] + timedelta(days=days) >= at else at

    def _decisions(self) -> Iterator[tuple[Any, int, Any, Step]]:
        for row in self.cases:
            if row["cause"] is not None:
                step = {"do": "attribute", "order": str(row["order_id"]), "cause": row["cause"]}
                step |= {"repeats": str(row["original_id"]), "at": row["decided_at"]}
                yield row["decided_at"], 1, str(row["id"]), step
        for row in self._rows(sql.FINDINGS):
            step = {"do": "deduct", "kind": row["kind"], "at": row["decided_at"]} | _of(row)
            yield row["decided_at"], 5, row["posted"], step
        for row in self._rows(sql.ADJUSTMENTS):
            step = {"do": "adjust", "points": row["points"], "at": row["decided_at"]} | _of(row)
            yield row["decided_at"], 5, row["posted"], step
        for row in self._rows(sql.APPEALS):
            yield row["company_at"], 6, str(row["id"]), self._granted(row)

    def _granted(self, row: Row) -> Step:
        """In its own month until that is locked."""
        at = row["company_at"]
        locked = [a["at"] for a in self.acts if (a["month"], a["act"]) == (row["month"], "locked")]
        step = {"at": at} | ({"month": row["month"]} if not locked or at < locked[0] else {})
        if row["points"] is not None:
            return {"do": "adjust", "points": row["points"]} | _of(row) | step
        return {"do": "grant"} | self._places[row["entry_id"]] | step

    def _months(self) -> Iterator[tuple[Any, int, Any, Step]]:
        for act in self.acts:
            if act["act"] == "published":
                step = {"do": "publish", "month": act["month"], "at": act["at"]}
                yield act["at"], 7, act["id"], step
            if act["act"] == "locked":
                values = {"month": act["month"], "at": act["at"], "why": f"month {act['month']}"}
                values |= {"crews": self._crews}
                waiting = self._connection.execute(sql.UNDECIDED.encode(), values).fetchall()
                undecided = [self._places[row["id"]] for row in waiting]
                step = {"do": "close", "month": act["month"], "undecided": undecided}
                yield act["at"], 8, act["id"], step


def _places(entries: list[Row]) -> dict[int, Step]:
    """Entry -> which of a person's lines of an order it is."""
    seen: Counter[tuple[Any, ...]] = Counter()
    places = {}
    for row in entries:
        key = (row["order_id"], row["technician_id"], row["rule"])
        places[row["id"]] = _of(row) | {"rule": row["rule"], "nth": seen[key]}
        seen[key] += 1
    return places


def _of(row: Row) -> Step:
    return {"order": str(row["order_id"]), "person": str(row["technician_id"])}


def _passed(row: Row, repeats: dict[Any, str]) -> Step:
    judged = row["judgement"] or {}
    step: Step = {
        "do": "pass",
        "order": str(row["order_id"]),
        "fault": row["code"],
        "points": row["points"],
        "outcome": row["outcome"],
        "shares": {each["technician_id"]: each["share"] for each in row["shares"]},
        "leader": str(row["leader"]),
        "zone": row["zone"],
        "done": row["done_at"],
        "started": row["started_at"] or row["done_at"],
    }
    step |= {name: judged[name] for name in ("difficulty", "handed_over") if judged.get(name)}
    if row["merged"]:
        step["merged"] = True
    if row["building_id"] is not None and row["arrived_at"] is not None:
        step |= {"building": row["building_id"], "crew": row["crew_id"]}
        step["arrived"] = row["arrived_at"]
    if row["order_id"] in repeats:
        step["repeats"] = repeats[row["order_id"]]
    return step
