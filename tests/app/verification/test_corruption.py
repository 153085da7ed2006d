"""Everything that somebody with the keys could change behind the services' back is found."""

from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.models import LedgerEntry, LedgerHead
from app.verification.chain import EVENT_FIELDS, FIRST_PREV, link
from app.verification.difference import Difference
from app.verification.ledger import ENTRY_FIELDS
from app.verification.reading import rows
from app.work_orders.models import WorkOrderEvent
from tests.app.verification.conftest import Corrupt, Ground, found_by

EVENTS = "work_order_events WHERE order_id = :id"


class Damage(NamedTuple):
    """What is done to which order, which check must tell, and a part of what it says."""

    order: str
    statement: str
    check: str
    says: str


DAMAGES = {
    "followed no repair": Damage(
        "merged",
        "UPDATE completion_records SET outcome = 'absent' WHERE order_id ="
        " (SELECT merged_into FROM work_orders WHERE id = :id)",
        "records",
        "followed: stored absent",
    ),
    "left behind": Damage(
        "merged",
        "UPDATE work_orders SET state = 'MERGED' WHERE id = :id",
        "records",
        "an order that goes on",
    ),
    "dropped event": Damage("closed", f"DELETE FROM {EVENTS} AND seq = 4", "chain", "seq"),
    "cut-off tail": Damage(
        "closed",
        f"DELETE FROM {EVENTS} AND seq = (SELECT max(seq) FROM {EVENTS})",
        "chain",
        "last seq",
    ),
    "edited payload": Damage(
        "returned",
        'UPDATE work_order_events SET payload = payload || \'{"reason": "ours after all"}\''
        " WHERE order_id = :id AND action = 'returned'",
        "chain",
        "#7 hash",
    ),
    "edited time": Damage(
        "closed",
        "UPDATE work_order_events SET at = at - interval '9 minutes'"
        " WHERE order_id = :id AND action = 'arrived'",
        "chain",
        "hash",
    ),
    "edited actor": Damage(
        "closed",
        "UPDATE work_order_events SET actor_id = gen_random_uuid()"
        " WHERE order_id = :id AND action = 'passed'",
        "guards",
        "a known person",
    ),
    "passed by the command line": Damage(
        "closed",
        "UPDATE work_order_events SET actor_id = '00000000-0000-7000-8000-0000696d706f'"
        " WHERE order_id = :id AND action = 'passed'",
        "guards",
        "a known person",
    ),
    "edited role": Damage(
        "closed",
        "UPDATE work_order_events SET actor_role = 'agent'"
        " WHERE order_id = :id AND action = 'passed'",
        "guards",
        "reviewer/station_chief",
    ),
    "edited state": Damage(
        "done", "UPDATE work_orders SET state = 'CLOSED' WHERE id = :id", "states", "state"
    ),
    "event to another state": Damage(
        "closed",
        "UPDATE work_order_events SET to_state = 'DONE'"
        " WHERE order_id = :id AND action = 'started'",
        "states",
        "ONSITE -> WORKING",
    ),
    "unknown action": Damage(
        "closed",
        "UPDATE work_order_events SET action = 'vanished'"
        " WHERE order_id = :id AND action = 'contacted'",
        "states",
        "an action of DOMAIN section 7",
    ),
    "no events at all": Damage("draft", f"DELETE FROM {EVENTS}", "states", "without events"),
    "longer hold": Damage(
        "held",
        "UPDATE work_orders SET hold_until = hold_until + interval '1 day' WHERE id = :id",
        "states",
        "hold_until",
    ),
    "urge forgotten": Damage(
        "moved", "UPDATE work_orders SET urges = 0 WHERE id = :id", "states", "urges"
    ),
    "transfer forgotten": Damage(
        "moved", "UPDATE work_orders SET transfers = 0 WHERE id = :id", "states", "transfers"
    ),
    "appointment moved": Damage(
        "moved",
        "UPDATE work_orders SET appointment_to = appointment_to + interval '1 hour' WHERE id = :id",
        "states",
        "appointment_to",
    ),
    "assignment ended wrongly": Damage(
        "closed",
        "UPDATE assignments SET ended_at = ended_at - interval '1 hour' WHERE order_id = :id",
        "assignments",
        "ended_at",
    ),
    "assignment never ended": Damage(
        "closed",
        "UPDATE assignments SET ended_at = NULL WHERE order_id = :id",
        "assignments",
        "current",
    ),
    "another crew": Damage(
        "closed",
        "UPDATE assignments SET crew_id = (SELECT id FROM crews WHERE code = 'A2')"
        " WHERE order_id = :id",
        "assignments",
        "crew_id",
    ),
    "assignment lost": Damage(
        "moved",
        "DELETE FROM assignments WHERE order_id = :id AND ended_why = 'resent'",
        "assignments",
        "stored nothing",
    ),
    "nobody holds it": Damage(
        "done",
        "UPDATE work_orders SET assignment_id = NULL WHERE id = :id",
        "assignments",
        "assignment_id",
    ),
    "decision turned": Damage(
        "held",
        "UPDATE approvals SET approved = false WHERE order_id = :id",
        "approvals",
        "approved",
    ),
    "approval lost": Damage(
        "cancelled", "DELETE FROM approvals WHERE order_id = :id", "approvals", "no approval"
    ),
    "void made a consent": Damage(
        "voided",
        "UPDATE approvals SET approved = true WHERE order_id = :id",
        "approvals",
        "departed voids",
    ),
    "void taken back": Damage(
        "voided",
        "UPDATE approvals SET decided_at = NULL WHERE order_id = :id",
        "approvals",
        "waiting",
    ),
    "hold from the request on": Damage(
        "held_late",
        "UPDATE work_order_events SET at = at - interval '5 minutes'"
        " WHERE order_id = :id AND action = 'held'",
        "approvals",
        "held",
    ),
    "one-person decision": Damage(
        "held",
        "UPDATE work_order_events SET actor_id = (SELECT requested_by FROM approvals"
        " WHERE order_id = :id) WHERE order_id = :id AND action = 'held'",
        "approvals",
        "another than who asked",
    ),
    "earlier arrival": Damage(
        "closed",
        "UPDATE work_order_clocks SET stopped_at = stopped_at - interval '9 minutes'"
        " WHERE order_id = :id AND clock = 'K4'",
        "clocks",
        "K4 span 1 stopped_at",
    ),
    "longer pause": Damage(
        "resumed",
        "UPDATE work_order_clocks SET paused_s = paused_s + 600"
        " WHERE order_id = :id AND clock = 'K6'",
        "clocks",
        "paused_s",
    ),
    "another ending": Damage(
        "closed",
        "UPDATE work_order_clocks SET stopped_by = 'completed'"
        " WHERE order_id = :id AND clock = 'K4'",
        "clocks",
        "K4 span 1 stopped_by",
    ),
    "a milder hold": Damage(
        "resumed",
        "UPDATE service_policies SET rules = jsonb_set(rules,"
        " '{holds,customer_absent,clocks,K4}', '\"paused\"')",
        "clocks",
        "clocks",
    ),
    "reply forged": Damage(
        "urged",
        "UPDATE reply_duties SET reply = 'all is well', answered_at = opened_at"
        " WHERE order_id = :id AND answered_at IS NULL",
        "duties",
        "reply",
    ),
    "supervision hushed up": Damage(
        "urged",
        "UPDATE work_orders SET supervision_level = 0 WHERE id = :id",
        "states",
        "supervision_level",
    ),
    "nobody asked": Damage(
        "rated", "DELETE FROM reply_duties WHERE order_id = :id", "duties", "a reply that is owed"
    ),
    "span lost": Damage(
        "moved",
        "DELETE FROM work_order_clocks WHERE order_id = :id AND clock = 'K2' AND span = 2",
        "clocks",
        "K2 span 2",
    ),
    "wider limit": Damage(
        "closed",
        "UPDATE work_order_clocks SET limit_s = limit_s * 2 WHERE order_id = :id AND clock = 'K4'",
        "clocks",
        "limit_s",
    ),
    "later due": Damage(
        "done",
        "UPDATE work_orders SET due_at = due_at + interval '1 hour' WHERE id = :id",
        "clocks",
        "due_at",
    ),
    "record lost": Damage(
        "closed", "DELETE FROM completion_records WHERE order_id = :id", "records", "no record"
    ),
    "other outcome": Damage(
        "closed",
        "UPDATE completion_records SET outcome = 'absent' WHERE order_id = :id",
        "records",
        "outcome",
    ),
    "shares above one": Damage(
        "done",
        "UPDATE completion_records SET shares = jsonb_set(shares, '{0,share}', '\"0.9\"')"
        " WHERE order_id = :id",
        "records",
        "sum of shares",
    ),
    "permit forgotten": Damage(
        "danger",
        "UPDATE fault_codes SET evidence = evidence || 'W' WHERE code = 'P22'",
        "records",
        "permit",
    ),
    "review turned": Damage(
        "rejected",
        "UPDATE reviews SET decision = 'passed' WHERE order_id = :id AND decision = 'rejected'",
        "records",
        "decision",
    ),
    "review lost": Damage(
        "closed", "DELETE FROM reviews WHERE order_id = :id", "records", "no review"
    ),
    "rating bettered": Damage(
        "rejected", "UPDATE revisits SET rating = 5 WHERE order_id = :id", "records", "rating"
    ),
    "call-back lost": Damage(
        "absent",
        "DELETE FROM revisits WHERE order_id = :id AND attempt = 2",
        "records",
        "no call-back",
    ),
    "rework of nothing": Damage(
        "rework",
        "UPDATE work_orders SET rework_of = (SELECT id FROM work_orders WHERE state = 'DONE'"
        " LIMIT 1) WHERE id = :id",
        "records",
        "a closed order's rework",
    ),
    "declared file forgotten": Damage(
        "closed", "DELETE FROM evidence_files WHERE order_id = :id", "evidence", "a file of kind"
    ),
    "never received": Damage(
        "closed",
        "UPDATE evidence_files SET state = 'declared' WHERE order_id = :id",
        "evidence",
        "verified",
    ),
    "complete in name": Damage(
        "done",
        "UPDATE work_orders SET evidence_state = 'complete' WHERE id = :id",
        "evidence",
        "evidence_state",
    ),
    "changed amount": Damage(
        "closed",
        "UPDATE ledger_entries SET amount_minor = amount_minor + 1 WHERE order_id = :id",
        "pay",
        "amount_minor",
    ),
    "changed line of pay": Damage(
        "closed",
        "UPDATE ledger_entries SET explanation_en = 'a gift' WHERE order_id = :id",
        "ledger",
        "hash",
    ),
    "entry lost": Damage(
        "closed", "DELETE FROM ledger_entries WHERE order_id = :id", "pay", "stored nothing"
    ),
    "head moved back": Damage(
        "closed", "UPDATE ledger_heads SET seq = seq - 1 WHERE seq > 0", "ledger", "last seq"
    ),
    "other month": Damage(
        "closed",
        "UPDATE ledger_entries SET period = '2026-02' WHERE order_id = :id",
        "pay",
        "period",
    ),
    "confirmation lost": Damage(
        "closed",
        "DELETE FROM ledger_standings WHERE entry_id IN"
        " (SELECT id FROM ledger_entries WHERE order_id = :id)",
        "pay",
        "confirmed",
    ),
    "confirmed too early": Damage(
        "rejected",
        "INSERT INTO ledger_standings (entry_id, standing, why, at)"
        " SELECT id, 'confirmed', 'a favour', now() FROM ledger_entries WHERE order_id = :id",
        "pay",
        "confirmed",
    ),
    "paid and not passed": Damage(
        "done",
        "UPDATE ledger_entries SET order_id = :id WHERE id = (SELECT max(id) FROM ledger_entries)",
        "pay",
        "not passed",
    ),
    "serial missing": Damage(
        "draft",
        "UPDATE work_orders SET serial = 'S01-260115-0777' WHERE id = :id",
        "serials",
        "given 0 times",
    ),
    "counter ahead": Damage(
        "draft",
        "UPDATE serial_counters SET last = last + 1 WHERE series = 'S01-260115'",
        "serials",
        "counter",
    ),
    "order gone": Damage("cancelled", "DELETE FROM work_orders WHERE id = :id", "strays", "rows"),
    "leader was none": Damage(
        "closed",
        "UPDATE crew_members SET role = CASE role WHEN 'leader' THEN 'trainee' ELSE role END",
        "guards",
        "the crew's leader",
    ),
    "no member of the crew": Damage(
        "closed", "UPDATE crew_members SET since = now() + interval '1 year'", "guards", "the crew"
    ),
    "reviewed by a worker": Damage(
        "closed",
        "UPDATE work_order_events SET actor_id = (SELECT completed_by FROM completion_records"
        " WHERE order_id = :id) WHERE order_id = :id AND action = 'passed'",
        "guards",
        "who did not complete it",
    ),
    "no checklist": Damage(
        "danger",
        "UPDATE work_order_events SET payload = payload - 'checklist_confirmed'"
        " WHERE order_id = :id AND action = 'started'",
        "guards",
        "checklist_confirmed",
    ),
    "no guardian": Damage(
        "danger",
        "UPDATE work_order_events SET payload = payload - 'guardian_id'"
        " WHERE order_id = :id AND action = 'started'",
        "guards",
        "guardian",
    ),
    "danger refused": Damage(
        "danger",
        "UPDATE work_order_events SET action = 'refused'"
        " WHERE order_id = :id AND action = 'accepted'",
        "guards",
        "never with E1",
    ),
    "message about nothing": Damage(
        "closed",
        "UPDATE notifications SET key = key || 'x' WHERE order_id = :id",
        "messages",
        "an event behind it",
    ),
    "feed not told": Damage(
        "closed", "DELETE FROM change_feed WHERE entity_id = :id", "feed", "at least"
    ),
    "command without event": Damage(
        "closed",
        "INSERT INTO phone_commands (id, user_id, device_id, device_seq, order_id, kind, body,"
        " body_hash, client_at, received_at, outcome, answer) SELECT gen_random_uuid(), user_id,"
        " id, 1, :id, 'accept', '{}', '', now(), now(), 'applied', '{}' FROM devices LIMIT 1",
        "inbox",
        "its event",
    ),
    "event without command": Damage(
        "closed",
        "UPDATE work_order_events SET device_id = (SELECT id FROM devices LIMIT 1)"
        " WHERE order_id = :id AND action = 'accepted'",
        "inbox",
        "its command",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_damage_is_found(damage: Damage, corrupt: Corrupt) -> None:
    found = await corrupt(damage.order, damage.statement)
    assert _told(found, damage.check, damage.says), [str(each) for each in found]


def _told(found: list[Difference], check: str, says: str) -> bool:
    return any(each.check == check and says in str(each) for each in found)


async def test_reordered_events_are_found(corrupt: Corrupt) -> None:
    swap = "UPDATE work_order_events SET seq = {} WHERE order_id = :id AND seq = {}"
    found = await corrupt("closed", swap.format(99, 4), swap.format(4, 5), swap.format(5, 99))
    assert _told(found, "chain", "prev_hash")
    assert _told(found, "states", "from_state")


async def test_a_forged_chain_is_found_by_what_it_says(
    corrupt: Corrupt, ground: Ground, intruder: AsyncSession
) -> None:
    """Whoever knows the format can hash again; then the other rows contradict."""
    order_id = ground.history.ids["closed"]
    await intruder.execute(
        text(
            "UPDATE work_order_events SET at = at - interval '3 minutes'"
            " WHERE order_id = :id AND action = 'arrived'"
        ),
        {"id": order_id},
    )
    where = col(WorkOrderEvent.order_id) == order_id
    digest = FIRST_PREV
    for event in await rows(intruder, WorkOrderEvent, where, WorkOrderEvent.seq):
        before = digest
        digest = link(before, {name: getattr(event, name) for name in EVENT_FIELDS})
        await intruder.execute(
            text("UPDATE work_order_events SET prev_hash = :before, hash = :hash WHERE id = :id"),
            {"before": before, "hash": digest, "id": event.id},
        )
    found = await corrupt(
        "closed", "UPDATE work_orders SET last_hash = :digest WHERE id = :id", digest=digest
    )
    assert {each.check for each in found} == {"clocks"}
    assert _told(found, "clocks", "K4 span 1 stopped_at")


DOUBLE_PAY = (
    "INSERT INTO ledger_entries (technician_id, seq, order_id, kind, rule, cause, period, points,"
    " amount_minor, rate_card_id, inputs, explanation_zh, explanation_en, created_at, prev_hash,"
    " hash) SELECT technician_id, 1 + (SELECT max(seq) FROM ledger_entries last WHERE"
    " last.technician_id = entry.technician_id), order_id, kind, rule, 'again', period, points,"
    " amount_minor, rate_card_id, inputs, explanation_zh, explanation_en, created_at, '', ''"
    " FROM ledger_entries entry WHERE order_id = :id"
)


async def test_double_pay_is_found_even_well_chained(
    corrupt: Corrupt, intruder: AsyncSession, ground: Ground
) -> None:
    order_id = ground.history.ids["closed"]
    await intruder.execute(text(DOUBLE_PAY), {"id": order_id})
    heads = {head.technician_id: head for head in await rows(intruder, LedgerHead)}
    again = col(LedgerEntry.cause) == "again"
    for entry in await rows(intruder, LedgerEntry, again):
        head = heads[entry.technician_id]
        digest = link(head.hash, {name: getattr(entry, name) for name in ENTRY_FIELDS})
        await intruder.execute(
            text("UPDATE ledger_entries SET prev_hash = :prev, hash = :hash WHERE id = :id"),
            {"prev": head.hash, "hash": digest, "id": entry.id},
        )
        await intruder.execute(
            text("UPDATE ledger_heads SET seq = :seq, hash = :hash WHERE technician_id = :id"),
            {"seq": entry.seq, "hash": digest, "id": entry.technician_id},
        )
    found = await found_by(intruder, ground.config.data_dir)
    assert {each.check for each in found} == {"pay"}
    serial = ground.history.serials["closed"]
    twice = [each for each in found if each.stored == "2 entries"]
    assert [each.subject.startswith(serial) for each in twice] == [True, True]


async def test_a_lost_file_is_found(
    ground: Ground, intruder: AsyncSession, kept: list[Path]
) -> None:
    hidden = kept[0].rename(kept[0].with_suffix(".hidden"))
    try:
        found = await found_by(intruder, ground.config.data_dir)
    finally:
        hidden.rename(kept[0])
    assert [each.check for each in found] == ["evidence"]
    assert f"expected sha256 {kept[0].name}" in str(found[0])


async def test_a_changed_file_is_found(
    ground: Ground, intruder: AsyncSession, kept: list[Path]
) -> None:
    before = kept[0].read_bytes()
    kept[0].write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        found = await found_by(intruder, ground.config.data_dir)
    finally:
        kept[0].write_bytes(before)
    assert [each.check for each in found] == ["evidence"]
    assert found[0].expected == kept[0].name
