"""How the second evaluator reads the tables; `crews` are those whose orders count, null for all."""

_OURS = (
    "(%(crews)s::uuid[] IS NULL OR {0} IN"
    " (SELECT a.order_id FROM assignments a WHERE a.crew_id = ANY(%(crews)s::uuid[])))"
)
ENTRIES = (
    "SELECT id, technician_id, order_id, kind, rule, cause, period, points, amount_minor,"
    f" created_at FROM ledger_entries WHERE {_OURS.format('order_id')} ORDER BY id"
)
CARDS = "SELECT name, effective_from, effective_to, point_minor, rules FROM rate_cards"
ACTS = "SELECT id, month, act, at FROM pay_month_acts ORDER BY id"
CASES = (
    "SELECT c.id, coalesce(m.into_id, v.order_id, c.original_id) AS original_id, c.order_id,"
    " c.proposed_at, c.cause, c.decided_at FROM rework_cases c"
    " LEFT JOIN revisits v ON v.rework_order_id = c.order_id"
    " LEFT JOIN LATERAL (SELECT w.order_id AS into_id FROM work_order_events f"
    "  JOIN work_order_events w ON w.action = 'passed'"
    "   AND w.payload->>'record_id' = f.payload->>'record_id'"
    "   AND w.order_id = (f.payload->>'with_order_id')::uuid"
    "  WHERE f.action = 'followed' AND f.order_id = coalesce(v.order_id, c.original_id)) m ON true"
    f" WHERE {_OURS.format('c.order_id')} ORDER BY c.proposed_at, c.id"
)
"""A report that was merged had the repair of the order whose record it followed."""
STAYS = (
    "SELECT e.id, e.order_id, w.building_id, a.crew_id, e.at, e.server_at AS known_at,"
    " x.at AS left_at, x.server_at AS left_known_at, x.id AS left_id, x.action AS how"
    " FROM work_order_events e JOIN work_orders w ON w.id = e.order_id"
    " JOIN assignments a ON a.id = e.assignment_id"
    " LEFT JOIN LATERAL (SELECT y.at, y.server_at, y.id, y.action FROM work_order_events y"
    "  WHERE y.order_id = e.order_id AND y.seq > e.seq"
    "  AND y.to_state NOT IN ('ONSITE','WORKING') ORDER BY y.seq LIMIT 1) x ON true"
    f" WHERE e.action = 'arrived' AND w.building_id IS NOT NULL AND {_OURS.format('e.order_id')}"
)
_LAST = (
    " LEFT JOIN LATERAL (SELECT y.at FROM work_order_events y WHERE y.order_id = p.order_id"
    "  AND y.seq < p.seq AND y.action = '{0}' AND y.assignment_id = r.assignment_id"
    "  ORDER BY y.seq DESC LIMIT 1) {0} ON true"
)
PASSED = (
    "SELECT p.id AS event_id, p.order_id, p.server_at AS known_at, f.code, f.points, w.domain,"
    " w.zone, w.building_id, a.crew_id, r.outcome, r.shares, r.done_at, t.id AS leader,"
    " p.payload->'judgement' AS judgement, started.at AS started_at, arrived.at AS arrived_at,"
    " coalesce(c.rules, '{}') AS rules, p.action = 'followed' AS merged"
    " FROM work_order_events p JOIN work_orders w ON w.id = p.order_id"
    " JOIN fault_codes f ON f.id = w.fault_code_id"
    " JOIN completion_records r ON r.id = (p.payload->>'record_id')::uuid"
    " JOIN assignments a ON a.id = r.assignment_id"
    " JOIN technicians t ON t.user_id = r.completed_by"
    " LEFT JOIN rate_cards c ON daterange(c.effective_from, c.effective_to)"
    "  @> (r.done_at AT TIME ZONE 'Asia/Shanghai')::date"
    f"{_LAST.format('started')}{_LAST.format('arrived')}"
    f" WHERE p.action IN ('passed', 'followed') AND {_OURS.format('p.order_id')}"
)
CLOSED = (
    "SELECT id, order_id, at, action, (payload->>'rating')::int AS rating FROM work_order_events"
    f" WHERE action IN ('closed', 'reworked') AND {_OURS.format('order_id')}"
)
_POSTED = "(SELECT e.id FROM ledger_entries e WHERE e.order_id = d.order_id AND e.cause = {0})"
FINDINGS = (
    "SELECT d.order_id, d.technician_id, d.kind, d.decided_at,"
    f" {_POSTED.format("'finding:' || d.id")} AS posted FROM pay_findings d"
    f" WHERE {_OURS.format('d.order_id')}"
)
ADJUSTMENTS = (
    "SELECT d.order_id, d.technician_id, d.points, d.decided_at,"
    f" {_POSTED.format("'adjustment:' || d.id")} AS posted FROM pay_adjustments d"
    f" WHERE d.approved AND {_OURS.format('d.order_id')}"
)
APPEALS = (
    "SELECT d.id, d.entry_id, d.technician_id, e.order_id, d.month, d.company_at, d.points"
    " FROM pay_appeals d JOIN ledger_entries e ON e.id = d.entry_id"
    " WHERE d.company_verdict = 'granted' AND (d.points IS NULL OR d.points <= d.station_points)"
    f" AND {_OURS.format('e.order_id')}"
)
UNDECIDED = (
    "SELECT DISTINCT t.id FROM ledger_entries e"
    " JOIN ledger_entries t ON t.id = CASE WHEN e.kind = 'CARRY' THEN e.refers_to ELSE e.id END"
    " WHERE e.period = %(month)s AND e.cause NOT LIKE %(month)s || ':%%'"
    f" AND {_OURS.format('e.order_id')} AND (NOT EXISTS (SELECT 1 FROM ledger_standings s"
    "  WHERE s.entry_id = t.id AND s.standing = 'confirmed' AND s.id < (SELECT min(l.id)"
    "   FROM ledger_standings l WHERE l.standing = 'locked' AND l.why = %(why)s))"
    " OR t.id IN (SELECT CASE WHEN x.kind = 'CARRY' THEN x.refers_to ELSE x.id END"
    "  FROM pay_appeals d JOIN ledger_entries x ON x.id = d.entry_id"
    "  WHERE d.raised_at <= %(at)s AND (d.company_at IS NULL OR d.company_at > %(at)s)))"
)
