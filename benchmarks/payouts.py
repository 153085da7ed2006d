"""A month of pay worked out again: 1,000 technicians with 400 orders each.

SIMULATED work: hours, zones, outcomes and splits are drawn; the rate card is the shipped one.
First everybody is paid by the engine and every line is chained as in the ledger (`pay_s`). Then all
of it is recomputed and verified (`recompute_s`): each line's chain, each line made again by the
engine from its own inputs to the last word, and each line worked out by the second evaluator of the
tests, which shares no code with the product. `equal_share` is the share of lines that are the same
in all three, to the last fen.

    python -m benchmarks.payouts [--technicians 1000] [--orders 400] [--processes 2]
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

from app.core import settings
from app.core.chain import GENESIS, chained_hash
from app.core.settings import Environment, Settings
from app.payouts.replay import compare
from tests.app.payouts.book import Book, card_data
from tests.app.payouts.oracle import evaluate
from tests.app.payouts.story import play

OUT: Final = Path(__file__).parent / "out" / "payouts.json"
BUDGET_S: Final = 120.0
CREW: Final = 2
SPLITS: Final = (("0.55", "0.45"), ("0.6", "0.4"), ("0.5", "0.5"), ("1", "0"), ("0.6667", "0.3333"))
OUTCOMES: Final = ("fixed",) * 7 + ("absent", "no_fault_found", "handed_over")
BEGINS: Final = datetime(2026, 1, 1, tzinfo=UTC)
A_DAY: Final = 16


@dataclass(frozen=True, slots=True)
class Shard:
    """Some crews' month, and what came of it."""

    lines: int
    equal: int
    broken: int
    pay_s: float
    recompute_s: float
    recompute_cpu_s: float


def a_month(crew: int, orders: int) -> Iterator[list[dict[str, Any]]]:
    """A crew's orders, day by day, as steps of a story."""
    random, people = Random(f"pay-{crew}"), (f"t{crew}-1", f"t{crew}-2")
    for first in range(0, orders, A_DAY):
        day = BEGINS + timedelta(days=first // A_DAY % 28)
        numbers = range(first, min(first + A_DAY, orders))
        yield [_order(random, people, day, crew, number) for number in numbers]


def _order(
    random: Random, people: tuple[str, str], day: datetime, crew: int, number: int
) -> dict[str, Any]:
    starts = day + timedelta(minutes=random.randrange(24 * 60))
    step: dict[str, Any] = {
        "do": "pass",
        "order": f"O{crew}-{number}",
        "points": str(Decimal(random.randrange(100, 16_000)) / 100),
        "shares": dict(zip(people, random.choice(SPLITS), strict=True)),
        "leader": people[0],
        "outcome": random.choice(OUTCOMES),
        "zone": random.choice(("urban", "urban", "rural", "remote")),
        "started": starts,
        "done": starts + timedelta(minutes=random.randrange(10, 200)),
    }
    if random.random() < 0.1:
        step["difficulty"] = random.choice(("hard", "extreme"))
    return step


def shard(crews: range, orders: int) -> Shard:
    """Pay some crews, then recompute and verify."""
    settings.install(
        Settings(
            environment=Environment.TEST,
            DATABASE_URL="postgresql://unused",
            secret_key=uuid4().hex,
        )
    )
    cards = [(date(2026, 1, 1), None, card_data())]
    days = [steps for crew in crews for steps in a_month(crew, orders)]
    began = time.perf_counter()
    books = [play(cards, steps) for steps in days]
    hashes = _chained(books)
    paid, cpu = time.perf_counter(), time.process_time()
    rules = books[0].rules(BEGINS.date())[1]
    broken = sum(hashes[key] != value for key, value in _chained(books).items())
    lines = equal = 0
    for book, steps in zip(books, days, strict=True):
        said = Counter(book.said())
        by_oracle = Counter(map(tuple, evaluate(cards, steps)))
        kept = {row.id for row in book.rows if not compare(row, rules)}
        same = sum((Counter(map(tuple, said.elements())) & by_oracle).values())
        lines += len(book.rows)
        equal += min(same, len(kept))
    done = time.perf_counter()
    cpu_s = time.process_time() - cpu
    return Shard(lines, equal, broken, paid - began, done - paid, cpu_s)


def _chained(books: list[Book]) -> dict[tuple[UUID, UUID], str]:
    """Each line's hash in its technician's chain, as the ledger computes it."""
    heads: dict[UUID, str] = defaultdict(lambda: GENESIS)
    found = {}
    for book in books:
        for row in book.rows:
            heads[row.technician_id] = chained_hash(heads[row.technician_id], vars(row))
            found[row.technician_id, row.order_id] = heads[row.technician_id]
    return found


def measure(*, technicians: int, orders: int, processes: int) -> dict[str, Any]:
    """Everything in `processes` shards at once; seconds of wall clock."""
    crews = technicians // CREW
    per = -(-crews // (processes * 4))
    shards = [range(first, min(first + per, crews)) for first in range(0, crews, per)]
    began = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        done = list(pool.map(shard, shards, [orders] * len(shards)))
    wall_s = time.perf_counter() - began
    lines = sum(each.lines for each in done)
    working_s = sum(each.pay_s + each.recompute_s for each in done)
    recompute_s = wall_s * sum(each.recompute_s for each in done) / working_s
    return {
        "simulated": True,
        "technicians": crews * CREW,
        "orders_per_technician": orders,
        "entries": lines,
        "equal_share": sum(each.equal for each in done) / lines,
        "broken_links": sum(each.broken for each in done),
        "pay_s": round(wall_s - recompute_s, 1),
        "recompute_s": round(recompute_s, 1),
        "recompute_cpu_s": round(sum(each.recompute_cpu_s for each in done), 1),
        "processes": processes,
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Measure, print, write; fails when a line differs or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--technicians", type=int, default=1000)
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--processes", type=int, default=2)
    found = measure(**vars(parser.parse_args()))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))
    ok = found["equal_share"] == 1 and not found["broken_links"]
    return 0 if ok and found["recompute_s"] <= BUDGET_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
