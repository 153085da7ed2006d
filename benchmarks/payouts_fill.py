"""Fills a database with two months of pay, crew by crew, as `COPY` takes it.

SIMULATED work, drawn by seeds (`tests/app/payouts/random_story.py`); the lines of pay are made by
the product's engine, posting rules, closing and chaining. Events carry what pay rests on and no
more: an order begins with its crew's arrival. Foreign keys are not checked while it is filled.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

import psycopg
from psycopg.types.json import Jsonb

from app.core.chain import GENESIS, chained_hash
from app.payouts.models import LedgerEntry
from tests.app.payouts.book import Book, card_data, who
from tests.app.payouts.random_story import JANUARY, LOCKED, CrewsMonths
from tests.app.payouts.story import decision, line_of, tell

PHASE: Final = 10**10
"""Numbers of standings: those before, at and after each lock are apart, as they would be."""
A_CREW: Final = 10**6
ORDER_COLUMNS: Final = (
    *("id", "serial", "state", "station_id", "building_id", "channel", "caller_name"),
    *("caller_phone", "address", "location", "zone", "fault_code_id", "fault_code", "fault_group"),
    *("domain", "service_class", "service_profile_id", "description", "flags", "reported_at"),
    *("created_by", "last_hash"),
)
EVENT_COLUMNS: Final = (
    *("id", "order_id", "seq", "action", "from_state", "to_state", "actor_kind", "actor_id"),
    *("actor_role", "device_id", "assignment_id", "client_at", "at", "server_at", "payload"),
    *("prev_hash", "hash"),
)
WAY: Final = {
    "arrived": ("ENROUTE", "ONSITE"),
    "started": ("ONSITE", "WORKING"),
    "completed": ("WORKING", "DONE"),
    "passed": ("DONE", "REVISIT"),
    "closed": ("REVISIT", "CLOSED"),
}
Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What all crews share: ids of the catalogue, the card and the office."""

    station: UUID
    profile: UUID
    faults: dict[str, tuple[UUID, str, str, str, str]]
    """Code -> id, points, group, domain, class."""
    card: UUID
    office: dict[str, UUID]


@dataclass
class Filler:
    """One crew's rows, by table."""

    ground: Ground
    number: int
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    chains: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    confirmed: set[int] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def people(self) -> tuple[str, str]:
        return f"{self.number}-leader", f"{self.number}-helper"

    def fill(self, orders: int) -> None:
        """Live through the crew's months."""
        faults = [(code, points) for code, (_, points, *_) in sorted(self.ground.faults.items())]
        steps = CrewsMonths(str(self.number), self.people, orders, faults).told()
        self._people()
        self.book = Book([(date(2026, 1, 1), None, card_data())], first_id=self.number * A_CREW + 1)
        self.book.read[id(self.book.cards[0][2])] = (
            self.ground.card,
            self.book.rules(date(2026, 1, 1))[1],
        )
        for step in steps:
            before = len(self.book.rows)
            tell(self.book, step)
            getattr(self, "_" + step["do"])(step, self.book.rows[before:])
        for row in self.book.rows:
            self.rows["ledger_entries"].append(_values(row))
        for head in self.book.heads.values():
            self.rows["ledger_heads"].append((head.technician_id, head.seq, head.hash))

    def _people(self) -> None:
        crew = who(f"crew {self.number}")
        self.rows["crews"].append((crew, f"C{self.number}", self.ground.station, "组"))
        for name, role in zip(self.people, ("leader", "helper"), strict=True):
            user = who(f"user {name}")
            since = LOCKED[JANUARY] - timedelta(days=400)
            self.rows["users"].append((user, name, "-", name, since))
            person = (who(name), user, self.ground.station, f"E-{name}", name)
            self.rows["technicians"].append(person)
            self.rows["crew_members"].append((who(f"m {name}"), crew, who(name), role, since))

    def _next(self, what: str) -> int:
        self.counts[what] += 1
        return self.number * A_CREW + self.counts[what]

    def _event(self, action: str, order: str, at: Any, by: UUID, payload: Step) -> None:
        chain, (source, target) = self.chains[order], WAY[action]
        said = (
            *(who(order), len(chain) + 1, action, source, target, "user", by, None, None),
            *(who(f"assignment {order}"), None, at, at, payload),
        )
        prev = chain[-1][-1] if chain else GENESIS
        row = dict(zip(EVENT_COLUMNS[1:-2], said, strict=True))
        chain.append((*said, prev, chained_hash(prev, row)))
        stored = (*said[:-1], Jsonb(payload), prev, chain[-1][-1])
        self.rows["work_order_events"].append((self._next("event"), *stored))

    def _pass(self, step: Step, _new: list[LedgerEntry]) -> None:
        order, leader = step["order"], who(f"user {self.people[0]}")
        fault, _, group, domain, class_ = self.ground.faults[step["fault"]]
        record = who(f"record {order}")
        judged = {name: step[name] for name in ("difficulty", "handed_over") if name in step}
        self._event("arrived", order, step["arrived"], leader, {})
        self._event("started", order, step["started"], leader, {})
        self._event("completed", order, step["done"], leader, {"record_id": str(record)})
        said = {"record_id": str(record), "judgement": judged or None}
        reviewer = self.ground.office["reviewer"]
        self._event("passed", order, step["at"], reviewer, said)
        building = uuid5(NAMESPACE_OID, step["building"]) if "building" in step else None
        self.rows["work_orders"].append(
            (
                *(who(order), f"P-{order}", "CLOSED", self.ground.station, building, "phone"),
                *("-", "-", "-", "SRID=4326;POINT(117 36)", step["zone"], fault, step["fault"]),
                *(group, domain, class_, self.ground.profile, "-", [], step["arrived"]),
                *(reviewer, GENESIS),
            )
        )
        crew = who(f"crew {self.number}")
        assignment = (who(f"assignment {order}"), who(order), crew, "auto", step["arrived"])
        self.rows["assignments"].append(assignment)
        shares = [{"technician_id": str(who(n)), "share": s} for n, s in step["shares"].items()]
        self.rows["completion_records"].append(
            (
                *(record, who(order), 1, assignment[0], leader, step["done"], step["outcome"]),
                *("-", "-", Jsonb([]), Jsonb([]), Jsonb(shares), Jsonb([])),
            )
        )
        review = (who(f"review {order}"), record, who(order), "passed", reviewer, step["at"])
        self.rows["reviews"].append(review)

    def _rate(self, step: Step, _new: list[LedgerEntry]) -> None:
        revisit = decision("revisit", step).partition(":")[2]
        said = {"revisit_id": revisit, "result": "solved", "rating": step["rating"] or None}
        self._event("closed", step["order"], step["at"], self.ground.office["reviewer"], said)
        self._confirm(self.book.of(step["order"]), step["at"])

    def _last(self, step: Step, new: list[LedgerEntry]) -> None:
        if new:
            self._confirm(self.book.of(step["order"]), step["at"])

    def _deduct(self, step: Step, new: list[LedgerEntry]) -> None:
        (row,) = new
        said = (who(step["order"]), row.technician_id, step["kind"], "-")
        decided = (self.ground.office["reviewer"], step["at"])
        self.rows["pay_findings"].append((_id(row.cause), *said, *decided))
        self._confirm(new, step["at"])

    def _adjust(self, step: Step, new: list[LedgerEntry]) -> None:
        (row,) = new
        office = self.ground.office
        said = (who(step["order"]), row.technician_id, row.points, "-")
        two = (office["chief"], step["at"], office["manager"], step["at"], True, "-")
        self.rows["pay_adjustments"].append((_id(row.cause), *said, *two))
        self._confirm(new, step["at"])

    def _grant(self, step: Step, new: list[LedgerEntry]) -> None:
        """Also where nothing was left to give back."""
        row, office, at = line_of(self.book, step), self.ground.office, step["at"]
        said = (row.id, row.technician_id, JANUARY, "-", office["manager"])
        times = (step["raised"], at, at, "granted", "-", office["chief"], at)
        company = ("granted", "-", office["manager"], at)
        appeal = _id(decision("appeal", step, row.id))
        self.rows["pay_appeals"].append((appeal, *said, *times, *company))
        self._confirm(new, at)

    def _attribute(self, step: Step, new: list[LedgerEntry]) -> None:
        case = UUID(decision("rework", step).partition(":")[2])
        known = step["at"] - timedelta(hours=1)
        self.rows["rework_cases"].append(
            (
                *(case, who(step["repeats"]), who(step["order"]), "report", 15),
                *(known, step["cause"], "-", self.ground.office["reviewer"], step["at"]),
            )
        )
        self._confirm([*new, *self.book.of(step["repeats"])], step["at"])

    def _publish(self, _step: Step, _new: list[LedgerEntry]) -> None:
        """An act of the whole company, written at the end."""

    def _close(self, step: Step, new: list[LedgerEntry]) -> None:
        kept = [row for row in new if row.rule != "carry-open"]
        self._confirm(kept, step["at"])
        lock = 1 if step["month"] == JANUARY else 4
        for mark, phase in (("locked", lock), ("settled", lock + 1)):
            for row in self.book.rows:
                if row.period == step["month"]:
                    number = phase * PHASE + self._next("mark")
                    why = f"month {step['month']}"
                    self.rows["ledger_standings"].append((number, row.id, mark, why, step["at"]))

    def _confirm(self, rows: Iterable[LedgerEntry], at: Any) -> None:
        phase = 3 * (JANUARY in self.book.locked) + 3 * ("2026-02" in self.book.locked)
        for row in rows:
            if row.id not in self.confirmed and row.id is not None:
                self.confirmed.add(row.id)
                number = phase * PHASE + self._next("mark")
                said = (number, row.id, "confirmed", "-", at)
                self.rows["ledger_standings"].append(said)


def _id(cause: str) -> UUID:
    return UUID(cause.split(":")[1])


ENTRY_COLUMNS: Final = tuple(LedgerEntry.model_fields)


def _values(row: LedgerEntry) -> tuple[Any, ...]:
    said = {name: getattr(row, name) for name in ENTRY_COLUMNS}
    return tuple((said | {"inputs": Jsonb(row.inputs)}).values())


COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "crews": ("id", "code", "station_id", "name"),
    "users": ("id", "username", "password_hash", "display_name", "created_at"),
    "technicians": ("id", "user_id", "station_id", "employee_no", "name"),
    "crew_members": ("id", "crew_id", "technician_id", "role", "since"),
    "work_orders": ORDER_COLUMNS,
    "assignments": ("id", "order_id", "crew_id", "how", "assigned_at"),
    "work_order_events": EVENT_COLUMNS,
    "completion_records": (
        *("id", "order_id", "attempt", "assignment_id", "completed_by", "done_at", "outcome"),
        *("cause_code", "summary", "readings", "parts", "shares", "manifest"),
    ),
    "reviews": ("id", "completion_id", "order_id", "decision", "reviewed_by", "reviewed_at"),
    "rework_cases": (
        *("id", "original_id", "order_id", "found_by", "window_days", "proposed_at"),
        *("cause", "reason", "decided_by", "decided_at"),
    ),
    "pay_findings": (
        *("id", "order_id", "technician_id", "kind", "reason", "decided_by", "decided_at"),
    ),
    "pay_adjustments": (
        *("id", "order_id", "technician_id", "points", "reason", "proposed_by", "proposed_at"),
        *("decided_by", "decided_at", "approved", "decision_reason"),
    ),
    "pay_appeals": (
        *("id", "entry_id", "technician_id", "month", "reason", "raised_by", "raised_at"),
        *("station_due_at", "company_due_at", "station_verdict", "station_reason", "station_by"),
        *("station_at", "company_verdict", "company_reason", "company_by", "company_at"),
    ),
    "ledger_entries": ENTRY_COLUMNS,
    "ledger_heads": ("technician_id", "seq", "hash"),
    "ledger_standings": ("id", "entry_id", "standing", "why", "at"),
}


def copy(database_url: str, ground: Ground, crews: range, orders: int) -> int:
    """Fill in some crews; how many lines of pay they have."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        lines = 0
        for number in crews:
            filler = Filler(ground, number)
            filler.fill(orders)
            lines += len(filler.rows["ledger_entries"])
            for table, columns in COLUMNS.items():
                statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
                with connection.cursor().copy(statement.encode()) as sink:
                    for row in filler.rows[table]:
                        sink.write_row(row)
            connection.commit()
        return lines
