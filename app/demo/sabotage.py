"""Corrupts a finished demo on purpose, past every guard, to show that `verify` turns red.

Only the owner of the database can do this: triggers are switched off for one session. Each
damage can be undone, so that tests use one finished day for all of them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from app.core.chain import chained_hash

Rows = psycopg.Connection[dict[str, Any]]
_SPOILT_CAUSE = "passed again"


@dataclass(frozen=True, slots=True)
class Damage:
    """What was done, in one sentence, and how to undo it."""

    sentence: str
    undo: Callable[[], None]


def corrupt(kind: str, database_url: str, folder: Path) -> Damage:
    """Do the damage `kind` to the demo in `database_url` with its files under `folder`.

    Raises LookupError when the day left nothing to damage in this way.
    """
    if kind == "lose-file":
        return _lose_file(folder / "evidence" / "kept")
    with _past_guards(database_url) as rows:
        return _DAMAGES[kind](rows, database_url)


def _past_guards(database_url: str) -> Rows:
    rows = psycopg.connect(database_url, row_factory=dict_row)
    rows.execute("SET session_replication_role = replica")
    return rows


def _one(rows: Rows, query: LiteralString, *values: object) -> dict[str, Any]:
    found = rows.execute(query, values).fetchone()
    if found is None:
        raise LookupError("this day left nothing to damage in this way")
    return found


def _drop_event(rows: Rows, database_url: str) -> Damage:
    """A closed order loses an event from its middle."""
    event = _one(
        rows,
        "DELETE FROM work_order_events WHERE id = (SELECT e.id FROM work_order_events e"
        " JOIN work_orders o ON o.id = e.order_id WHERE o.state = 'CLOSED'"
        " AND e.action = 'accepted' ORDER BY o.serial, e.seq LIMIT 1)"
        " RETURNING to_jsonb(work_order_events) AS event",
    )["event"]

    def undo() -> None:
        with _past_guards(database_url) as again:
            again.execute(
                "INSERT INTO work_order_events OVERRIDING SYSTEM VALUE"
                " SELECT * FROM jsonb_populate_record(null::work_order_events, %s)",
                [json.dumps(event)],
            )

    return Damage(f"event {event['seq']} ({event['action']}) of an order was deleted", undo)


def _edit_state(rows: Rows, database_url: str) -> Damage:
    """A closed order is set back to waiting for its call-back."""
    order = _one(
        rows,
        "UPDATE work_orders SET state = 'REVISIT' WHERE id = (SELECT id FROM work_orders"
        " WHERE state = 'CLOSED' ORDER BY serial LIMIT 1) RETURNING id, serial",
    )

    def undo() -> None:
        with _past_guards(database_url) as again:
            again.execute("UPDATE work_orders SET state = 'CLOSED' WHERE id = %s", [order["id"]])

    return Damage(f"order {order['serial']} was set from CLOSED to REVISIT", undo)


_ENTRY = (
    *("technician_id", "order_id", "kind", "rule", "cause", "period", "points", "amount_minor"),
    *("rate_card_id", "inputs", "explanation_zh", "explanation_en", "refers_to"),
)


def _double_pay(rows: Rows, database_url: str) -> Damage:
    """An order is paid twice, by a clever hand: the forged line is well chained."""
    last = _one(
        rows,
        "SELECT e.*, h.seq AS head_seq, h.hash AS head_hash FROM ledger_entries e"
        " JOIN ledger_heads h ON h.technician_id = e.technician_id"
        " WHERE e.kind = 'EARN' ORDER BY e.id LIMIT 1",
    )
    forged = {name: last[name] for name in _ENTRY} | {
        "cause": _SPOILT_CAUSE,
        "seq": last["head_seq"] + 1,
        "created_at": last["created_at"],
    }
    prev_hash = last["head_hash"]
    forged |= {"prev_hash": prev_hash, "hash": chained_hash(prev_hash, forged)}
    rows.execute(
        "INSERT INTO ledger_entries (technician_id, order_id, kind, rule, cause, period, points,"
        " amount_minor, rate_card_id, inputs, explanation_zh, explanation_en, refers_to, seq,"
        " created_at, prev_hash, hash) VALUES (%(technician_id)s, %(order_id)s, %(kind)s,"
        " %(rule)s, %(cause)s, %(period)s, %(points)s, %(amount_minor)s, %(rate_card_id)s,"
        " %(inputs)s, %(explanation_zh)s, %(explanation_en)s, %(refers_to)s, %(seq)s,"
        " %(created_at)s, %(prev_hash)s, %(hash)s)",
        forged | {"inputs": json.dumps(last["inputs"])},
    )
    _set_head(rows, last["technician_id"], forged["seq"], forged["hash"])

    def undo() -> None:
        with _past_guards(database_url) as again:
            again.execute("DELETE FROM ledger_entries WHERE cause = %s", [_SPOILT_CAUSE])
            _set_head(again, last["technician_id"], last["head_seq"], last["head_hash"])

    return Damage(f"{last['points']} points were paid a second time", undo)


def _set_head(rows: Rows, technician_id: UUID, seq: int, digest: str) -> None:
    rows.execute(
        "UPDATE ledger_heads SET seq = %s, hash = %s WHERE technician_id = %s",
        [seq, digest, technician_id],
    )


def _lose_file(kept: Path) -> Damage:
    """A verified evidence file vanishes from the disk."""
    files = sorted(path for path in kept.rglob("*") if path.is_file())
    if not files:
        raise LookupError("this day left no file to lose")
    lost, content = files[0], files[0].read_bytes()
    lost.unlink()

    def undo() -> None:
        lost.write_bytes(content)

    return Damage(f"the evidence file {lost.name[:12]}… was deleted", undo)


_DAMAGES: dict[str, Callable[[Rows, str], Damage]] = {
    "drop-event": _drop_event,
    "edit-state": _edit_state,
    "double-pay": _double_pay,
}
