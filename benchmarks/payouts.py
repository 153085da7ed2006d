"""Two months of pay worked out again: 1,000 technicians with 400 orders each.

SIMULATED work in a real database (see `payouts_fill`): every kind of line, reworks, appeals,
corrections, and two months closed. Then `paigong payouts verify` recomputes and verifies all of it
(`recompute_s`, the wall time of the command): each line from events and decisions by other code
than paid it, each earning by the engine from its own inputs to the last word, what each lock
carried, every chain. At last the second evaluator of the tests, which shares no code with the
product, tells every line from the same tables: `equal_share` is the share of lines of which both
say the same, to the last fen.

    python -m benchmarks.payouts [--technicians 1000] [--orders 400] [--processes 2] [--filled]

`--filled` takes the database as the last run with these sizes filled and closed it, and measures
again; `fill_s` is null then.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from app.catalogue.load import load_defaults
from app.core import migrations, settings
from app.core.db import Database
from app.core.settings import Environment, Settings
from app.payouts.load import load_default_rate_card
from app.provision import ensure_database
from benchmarks.payouts_fill import Ground, copy
from tests.app.payouts.book import who
from tests.app.payouts.random_story import LOCKED, PUBLISHED
from tests.app.payouts.tables import compare

OUT: Final = Path(__file__).parent / "out" / "payouts.json"
DATABASE: Final = "paigong_payouts_benchmark"
SECRET: Final = "a secret of the benchmark, longer than 32 letters"  # noqa: S105
BUDGET_S: Final = 120.0
CREW: Final = 2
FAULTS: Final = ("H01", "H03", "H10")
OFFICE: Final = ("reviewer", "chief", "manager", "clerk")
KINDS: Final = {"EARN", "BONUS", "DEDUCT", "REVERSE", "ADJUST", "CARRY"}


def _install(database_url: str) -> None:
    config = Settings(environment=Environment.TEST, DATABASE_URL=database_url, secret_key=SECRET)
    settings.install(config)


async def _defaults(database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            await load_defaults(session)
            await load_default_rate_card(session)
    finally:
        await database.close()


def prepare(database_url: str) -> Ground:
    """Tables, catalogue, card, a station and its office."""
    migrations.upgrade(database_url)
    _install(database_url)
    asyncio.run(_defaults(database_url))
    with psycopg.connect(database_url) as connection:
        station, office = who("station"), {name: who(f"office {name}") for name in OFFICE}
        connection.execute(
            "INSERT INTO stations (id, code, name, path, settlement_unit)"
            " VALUES (%s, 'CO', 'CO', '/CO/', 'CO')",
            [station],
        )
        for name, user in office.items():
            connection.execute(
                "INSERT INTO users (id, username, password_hash, display_name, created_at)"
                " VALUES (%s, %s, '-', %s, '2025-01-01T00:00Z')",
                [user, name, name],
            )
        found = connection.execute(
            "SELECT code, id, points::text, fault_group, domain, service_class FROM fault_codes"
            " WHERE code = ANY(%s)",
            [list(FAULTS)],
        ).fetchall()
        faults: dict[str, Any] = {code: tuple(rest) for code, *rest in found}
        return Ground(
            station=station,
            profile=_one(connection, "SELECT id FROM service_profiles LIMIT 1"),
            faults=faults,
            card=_one(connection, "SELECT id FROM rate_cards"),
            office=office,
        )


def _one(connection: psycopg.Connection[Any], query: str) -> UUID:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    found: UUID = row[0]
    return found


def close(database_url: str, ground: Ground) -> None:
    """The acts of both months with what stood then."""
    with psycopg.connect(database_url) as connection:
        for month, published in PUBLISHED.items():
            drafted, locked = published.replace(day=2), LOCKED[month]
            for act, at in (
                *(("draft", drafted), ("published", published), ("locked", locked)),
                ("settled", locked.replace(hour=9)),
            ):
                connection.execute(
                    "INSERT INTO pay_month_acts (month, act, at, by, by_name, totals)"
                    " SELECT %s, %s, %s, %s, 'clerk', jsonb_build_object('entries', count(*),"
                    " 'points', sum(points)::text, 'amount_minor', sum(amount_minor))"
                    " FROM ledger_entries WHERE period = %s",
                    [month, act, at, ground.office["clerk"], month],
                )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def verify(database_url: str, processes: int) -> dict[str, Any]:
    """`paigong payouts verify`, as a person starts it: what it found, and how long it took.

    CPU is that of its processes, without the database's.
    """
    with tempfile.TemporaryDirectory() as folder:
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = subprocess.run(
            [
                *(sys.executable, "-m", "app.cli", "payouts", "verify", "--json"),
                *("--processes", str(processes)),
            ],
            env=os.environ
            | {
                "PAIGONG_ENVIRONMENT": "test",
                "DATABASE_URL": database_url,
                "PAIGONG_SECRET_KEY": SECRET,
                "PAIGONG_DATA_DIR": folder,
            },
            capture_output=True,
            text=True,
        )
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [line for line in answer.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(answer.stderr[-3000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found: dict[str, Any] = json.loads(lines[-1])
    return found | {"recompute_s": round(took, 1), "recompute_cpu_s": round(cpu, 1)}


def _evaluate(database_url: str, crews: list[str]) -> tuple[int, int, list[str]]:
    found = compare(database_url, crews)
    known = found.equal + max(len(found.only_stored), len(found.only_evaluated))
    return found.equal, known, [str(each) for each in (*found.only_stored, *found.only_evaluated)]


def _kinds(database_url: str, technicians: int) -> dict[str, int]:
    """How many lines of each kind these technicians have, who must be all that there are."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT count(*) FROM technicians").fetchone()
        if found != (technicians,):
            raise SystemExit(f"{technicians} technicians wanted, filled are {found}")
        return dict(
            connection.execute("SELECT kind, count(*) FROM ledger_entries GROUP BY 1").fetchall()
        )


def measure(*, technicians: int, orders: int, processes: int, filled: bool) -> dict[str, Any]:
    """All of it on a database of its own; seconds of wall clock."""
    database_url = ensure_database(DATABASE, throwaway=True, fresh=not filled)
    _install(database_url)
    crews = technicians // CREW
    shards = [range(first, min(first + 5, crews)) for first in range(0, crews, 5)]
    with ProcessPoolExecutor(processes, initializer=partial(_install, database_url)) as pool:
        fill_s = None
        if not filled:
            ground = prepare(database_url)
            work = partial(copy, database_url, ground, orders=orders)
            fill_s, _ = _timed(lambda: sum(pool.map(work, shards)))
            close(database_url, ground)
        kinds = _kinds(database_url, crews * CREW)
        found = verify(database_url, processes)
        names = [[str(who(f"crew {number}")) for number in shard] for shard in shards]
        evaluated_s, told = _timed(lambda: list(pool.map(partial(_evaluate, database_url), names)))
    equal, known = sum(each[0] for each in told), sum(each[1] for each in told)
    for different in [one for each in told for one in each[2]][:5] + found["differences"][:5]:
        print(different)
    return {
        "simulated": True,
        "technicians": crews * CREW,
        "orders_per_technician": orders,
        "entries": found["entries"],
        "entries_by_kind": dict(sorted(kinds.items())),
        "differences": len(found["differences"]),
        "equal_share": equal / known,
        "recompute_s": found["recompute_s"],
        "recompute_cpu_s": found["recompute_cpu_s"],
        "fill_s": fill_s and round(fill_s, 1),
        "second_evaluator_s": round(evaluated_s, 1),
        "processes": processes,
        "load_average": round(os.getloadavg()[0], 1),
    }


def _timed[Result](work: Callable[[], Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def main() -> int:
    """Measure, print, write; fails when a line differs or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--technicians", type=int, default=1000)
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--filled", action="store_true")
    found = measure(**vars(parser.parse_args()))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))
    whole = found["entries"] > 0 and found["entries_by_kind"].keys() == KINDS
    sound = found["equal_share"] == 1 and not found["differences"]
    return 0 if whole and sound and found["recompute_s"] <= BUDGET_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
