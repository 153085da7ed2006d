"""Compares, word for word and byte for byte, what phones said with what the server has."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.evidence.storage import kept_key, storage
from app.mobile.schemas import CommandIn
from tests.hostile.phones import Said

Row = dict[str, Any]
_LEAVES = {
    "accept": "accepted",
    "contact": "contacted",
    "depart": "departed",
    "arrive": "arrived",
    "start": "started",
    "restore": "restored",
}
"""The event that an applied command must have left, by kind."""


@dataclass
class Verdict:
    """What was wrong, by figure; a clean run has empty lists only."""

    commands_lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    files_missing: list[str] = field(default_factory=list)
    files_different: list[str] = field(default_factory=list)
    files_misplaced: list[str] = field(default_factory=list)
    conflicts_unlisted: list[str] = field(default_factory=list)
    wrong_crew: list[str] = field(default_factory=list)
    """Acts that took effect although the order was with another crew by then."""

    def is_clean(self) -> bool:
        return not any(vars(self).values())

    def figures(self) -> dict[str, int]:
        return {name: len(found) for name, found in vars(self).items()}

    def examples(self) -> dict[str, list[str]]:
        return {name: found[:5] for name, found in vars(self).items() if found}


@dataclass(frozen=True)
class Standing:
    """What the server has: rows of its database, and the conflicts that its chief is shown."""

    commands: dict[str, Row]
    events: list[Row]
    files: dict[str, Row]
    records: dict[str, str]
    """Completion records and contributions -> their order."""
    completed: Counter[str]
    """Completion records by order: nobody reviews here, so more than one is one too many."""
    listed: frozenset[str]

    def since(self, before: "Standing") -> "Standing":
        """What was not there before."""
        return replace(
            self,
            commands=_without(self.commands, before.commands),
            events=[each for each in self.events if each["command_id"] not in before.commands],
            files=_without(self.files, before.files),
        )


def _without(rows: dict[str, Row], others: dict[str, Row]) -> dict[str, Row]:
    return {row_id: row for row_id, row in rows.items() if row_id not in others}


def read(database_url: str, listed: Iterable[str] = ()) -> Standing:
    """Everything that phones can have left there."""
    with psycopg.connect(database_url, row_factory=dict_row) as reader:
        commands = reader.execute(
            "SELECT id::text, device_id::text, device_seq, order_id::text, kind, body, outcome,"
            " answer FROM phone_commands WHERE outcome <> 'lost'"
        ).fetchall()
        events = reader.execute(
            "SELECT e.order_id::text, e.seq, e.action, e.payload->>'command_id' AS command_id,"
            " e.actor_id, a.crew_id AS holder,"
            " ARRAY(SELECT m.crew_id FROM crew_members m JOIN technicians t"
            "       ON t.id = m.technician_id WHERE t.user_id = e.actor_id) AS crews"
            " FROM work_order_events e LEFT JOIN assignments a ON a.id = e.assignment_id"
            " WHERE e.payload ? 'command_id'"
        ).fetchall()
        files = reader.execute(
            "SELECT id::text, order_id::text, kind, state, sha256, rejected_why FROM evidence_files"
        ).fetchall()
        records = reader.execute("SELECT id::text, order_id::text FROM completion_records")
        completed = {row["id"]: row["order_id"] for row in records}
        added = reader.execute("SELECT id::text, order_id::text FROM completion_contributions")
        contributed = {row["id"]: row["order_id"] for row in added}
    return Standing(
        {row["id"]: row for row in commands},
        events,
        {row["id"]: row for row in files},
        completed | contributed,
        Counter(completed.values()),
        frozenset(listed),
    )


def judge(said: Iterable[Said], standing: Standing) -> Verdict:
    """What differs between both lists."""
    verdict = Verdict()
    phones = list(said)
    for phone in phones:
        _judge_commands(phone, standing, verdict)
        _judge_files(phone, standing, verdict)
    _judge_extras(phones, standing, verdict)
    for event in standing.events:
        if event["holder"] is not None and event["holder"] not in event["crews"]:
            verdict.wrong_crew.append(f"{event['action']} of {event['order_id']}")
    return verdict


def _judge_commands(phone: Said, standing: Standing, verdict: Verdict) -> None:
    left = {(event["command_id"], event["action"]) for event in standing.events}
    for command_id, command in phone.commands.items():
        row = standing.commands.get(command_id)
        name = f"{phone.owner.username} {command['device_seq']} {command['kind']} {command_id}"
        if row is None:
            verdict.commands_lost.append(f"{name}: never came")
            continue
        if differs := _differs(phone, command, row):
            verdict.commands_lost.append(f"{name}: {differs}")
        if row["outcome"] != "applied":
            if command_id not in standing.listed:
                why = row["answer"].get("problem") or row["answer"]
                verdict.conflicts_unlisted.append(f"{name}: {row['outcome']} {why}")
        elif not _has_effect(command, row, standing, left):
            verdict.commands_lost.append(f"{name}: without effect, {row['answer']}")


def _has_effect(command: Row, row: Row, standing: Standing, left: set[tuple[str, str]]) -> bool:
    """Whether an applied command left what it must: a record, a contribution, or an event."""
    result = row["answer"].get("result") or {}
    if made := result.get("completion_id") or result.get("contribution_id"):
        return made in standing.records
    leaves = _LEAVES.get(command["kind"])
    return leaves is None or (row["id"], leaves) in left


def _differs(phone: Said, command: Row, row: Row) -> str | None:
    """What of the command the server does not have as it was said."""
    whole = CommandIn.model_validate(command).model_dump(mode="json", exclude_none=True)
    if row["body"] != whole:
        return f"stored as {json.dumps(row['body'], ensure_ascii=False)[:300]}"
    named = (row["device_id"], row["device_seq"], row["order_id"], row["kind"])
    meant = (phone.device_id, command["device_seq"], command["order_id"], command["kind"])
    return None if named == meant else f"stored under {named}"


def _judge_files(phone: Said, standing: Standing, verdict: Verdict) -> None:
    for file_id, file in phone.files.items():
        row = standing.files.get(file_id)
        name = f"{phone.owner.username} {file.kind} {file_id}"
        if row is not None and (row["order_id"], row["kind"]) != (file.order_id, file.kind):
            verdict.files_misplaced.append(f"{name}: on {row['order_id']} as {row['kind']}")
        elif not file.kept:
            continue
        elif row is None or row["state"] != "verified":
            state = f"{row['state']} {row['rejected_why']}" if row else "never came"
            verdict.files_missing.append(f"{name}: {state}")
        elif (stored := _stored(row["sha256"])) is None:
            verdict.files_missing.append(f"{name}: not in storage")
        elif stored != file.path.read_bytes():
            verdict.files_different.append(f"{name}: {len(stored)} bytes stored")


def _stored(sha256: str) -> bytes | None:
    try:
        return b"".join(storage().read(kept_key(sha256)))
    except FileNotFoundError:
        return None


def _judge_extras(phones: list[Said], standing: Standing, verdict: Verdict) -> None:
    """What is there twice, or was never said."""
    effects = Counter((event["command_id"], event["action"]) for event in standing.events)
    verdict.duplicates += [f"{what} x{times}" for what, times in effects.items() if times > 1]
    twice = [each for each, times in standing.completed.items() if times > 1]
    verdict.duplicates += [f"order {each} completed twice" for each in twice]
    numbers = Counter((row["device_id"], row["device_seq"]) for row in standing.commands.values())
    verdict.duplicates += [
        f"number {what} x{times}" for what, times in numbers.items() if times > 1
    ]
    meant = {command_id for phone in phones for command_id in phone.meant}
    taken = {file_id for phone in phones for file_id in phone.files}
    verdict.duplicates += [
        f"command {each} nobody meant" for each in standing.commands.keys() - meant
    ]
    verdict.duplicates += [f"file {each} nobody took" for each in standing.files.keys() - taken]
