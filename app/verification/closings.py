"""What the lock of a month did to everybody's lines, worked out again (DOMAIN 5.8 and 5.9).

What was undecided leaves the month whole; of what stays, takings are kept to the card's share of
what was earned and above the minimum pay. Every line that moves is a CARRY, out and in; each must
be there, and no other.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import batched, groupby
from math import floor
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts.models import PayMonthAct
from app.verification.arithmetic import half_up, hundredths
from app.verification.case import Company
from app.verification.difference import Difference
from app.verification.pay import CHECK
from app.verification.reading import named

PEOPLE_AT_ONCE = 50
_USUAL: dict[str, Any] = {
    "deduction_share": "0.2",
    "reversals_count": True,
    "carry_months": 1,
    "minimum_pay_minor": 0,
}
"""Limits of a card of before 2026-11, which does not name any."""
_FIRST_LOCK = text("SELECT min(id) FROM ledger_standings WHERE standing = 'locked' AND why = :why")
_LINES = text(
    "SELECT e.id, e.technician_id, e.kind, e.rule, e.cause, e.period, e.points, e.amount_minor,"
    " e.refers_to, (e.inputs->>'carried')::int AS carried,"
    " coalesce(r.id, e.id) AS thing, coalesce(r.kind, e.kind) AS was,"
    " CASE WHEN coalesce(r.kind, e.kind) = 'REVERSE'"
    "  THEN coalesce(r.refers_to, e.refers_to) END AS undoes,"
    " EXISTS (SELECT 1 FROM ledger_standings s WHERE s.entry_id = coalesce(r.id, e.id)"
    "  AND s.standing = 'confirmed' AND s.id < :locked) AND NOT EXISTS (SELECT 1 FROM pay_appeals a"
    "  JOIN ledger_entries x ON x.id = a.entry_id WHERE coalesce(r.id, e.id) ="
    "  CASE WHEN x.kind = 'CARRY' THEN x.refers_to ELSE x.id END AND a.raised_at <= :at"
    "  AND (a.company_at IS NULL OR a.company_at > :at)) AS decided"
    " FROM ledger_entries e"
    " LEFT JOIN ledger_entries r ON e.kind = 'CARRY' AND r.id = e.refers_to"
    " WHERE e.technician_id = ANY(:people)"
    " AND (e.period = :month OR (e.kind = 'CARRY' AND starts_with(e.cause, :mine)))"
    " ORDER BY e.technician_id, e.seq"
)


class Moved(NamedTuple):
    """What a CARRY must say."""

    rule: str
    period: str
    points: int
    """In hundredths."""
    minor: int
    about: int
    times: int


async def check_closings(
    session: AsyncSession, company: Company, people: Sequence[UUID]
) -> AsyncIterator[Difference]:
    """Each locked month of these people, carried as the rules say, and nothing else carried."""
    for act in company.pay.acts:
        if act.act != "locked":
            continue
        # Confirmations of before the lock are those that were written before its own marks.
        statement = text(
            "SELECT min(id) FROM ledger_standings WHERE standing = 'locked' AND why = :why"
        )
        locked = (await session.execute(statement, {"why": f"month {act.month}"})).scalar_one()
        values = {"month": act.month, "mine": f"{act.month}:", "at": act.at, "locked": locked or 0}
        limits = _limits(company, act)
        for some in batched(people, PEOPLE_AT_ONCE):
            found = await session.execute(_LINES, values | {"people": list(some)})
            for who, lines in groupby(named(found), lambda line: line.technician_id):
                for difference in _person(who, list(lines), act.month, limits):
                    yield difference


def _limits(company: Company, act: PayMonthAct) -> dict[str, Any]:
    """Of the card in force on the month's last day."""
    last = date.fromisoformat(f"{_following(act.month)}-01") - timedelta(days=1)
    for card in company.cards:
        if card.effective_from <= last and (card.effective_to is None or last < card.effective_to):
            return _USUAL | (card.rules.get("limits") or {})
    return _USUAL


def _person(
    who: UUID, lines: list[Any], month: str, limits: dict[str, Any]
) -> Iterator[Difference]:
    stored = {
        each.cause: Moved(
            each.rule,
            each.period,
            hundredths(each.points),
            each.amount_minor,
            each.thing,
            each.carried,
        )
        for each in lines
        if _is_of(each, month)
    }
    expected = _closed([each for each in lines if not _is_of(each, month)], month, limits)
    for cause in sorted(stored.keys() | expected.keys()):
        if stored.get(cause) != expected.get(cause):
            said, wanted = (_told(each.get(cause)) for each in (stored, expected))
            yield Difference(CHECK, f"closing of {month}, {who}, {cause}", said, wanted)


def _is_of(line: Any, month: str) -> bool:
    return line.kind == "CARRY" and str(line.cause).startswith(f"{month}:")


def _told(moved: Moved | None) -> str:
    if moved is None:
        return "nothing"
    return f"{moved.rule} of {moved.minor} fen in {moved.period}"


def _closed(lines: list[Any], month: str, limits: dict[str, Any]) -> dict[str, Moved]:
    """Cause -> what must have moved."""
    moved: dict[str, Moved] = {}
    earned, besides, takings = 0, 0, []
    for sum_ in _sums(lines):
        if any(not line.decided for line in sum_):
            for line in sum_:
                value = hundredths(line.points), line.amount_minor
                _move(moved, line, month, "carry-open", value, 0)
            continue
        line, minor = sum_[0], sum(each.amount_minor for each in sum_)
        carried_pay = line.rule == "carry-open" and line.amount_minor > 0
        if line.kind in ("EARN", "BONUS") or carried_pay:
            earned += minor
        elif minor < 0 and _is_limited(line.was, limits):
            takings.append((line, sum(hundredths(each.points) for each in sum_), minor))
        else:
            besides += minor
    room = floor(Fraction(limits["deduction_share"]) * max(earned, 0))
    room = max(0, min(room, earned + besides - limits["minimum_pay_minor"]))
    for line, points, minor in takings:
        over, room = max(0, -minor - room), max(0, room + minor)
        if over:
            times = line.carried or 0
            rule = "carry-excess" if times < limits["carry_months"] else "carry-dropped"
            part = -half_up(Fraction(abs(points) * over, -minor))
            _move(moved, line, month, rule, (part, -over), times + 1)
    return moved


def _is_limited(was: str, limits: dict[str, Any]) -> bool:
    return was != "ADJUST" and (limits["reversals_count"] or was != "REVERSE")


def _sums(lines: list[Any]) -> list[list[Any]]:
    """Lines about one thing, with what undoes it in the same month; the first is the thing's."""
    undoes = {line.thing: line.undoes for line in lines}
    sums: dict[int, list[Any]] = defaultdict(list)
    for line in lines:
        head = line.thing
        while undoes[head] in undoes:
            head = undoes[head]
        sums[head].append(line)
    own_first = [
        [x for x in sum_ if x.thing == head] + [x for x in sum_ if x.thing != head]
        for head, sum_ in sums.items()
    ]
    return sorted(own_first, key=lambda sum_: int(sum_[0].id))


def _move(
    moved: dict[str, Moved],
    line: Any,
    month: str,
    rule: str,
    value: tuple[int, int],
    times: int,
) -> None:
    points, minor = value
    cause = f"{month}:{line.id}"
    moved[f"{cause}:out"] = Moved(rule, month, -points, -minor, line.thing, times)
    if rule != "carry-dropped":
        period = _following(month)
        moved[f"{cause}:in"] = Moved(rule, period, points, minor, line.thing, times)


def _following(month: str) -> str:
    year, number = (int(part) for part in month.split("-"))
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02d}"


async def check_standings(session: AsyncSession, company: Company) -> list[Difference]:
    """Lines of a locked month are locked, of a settled one settled, no others; only locks carry."""
    done = {(act.month, act.act) for act in company.pay.acts}
    found = await session.execute(
        text(
            "SELECT e.period, w.standing, count(*) AS lines, count(s.id) AS marked"
            " FROM ledger_entries e CROSS JOIN (VALUES ('locked'), ('settled')) AS w(standing)"
            " LEFT JOIN ledger_standings s ON s.entry_id = e.id AND s.standing = w.standing"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        )
    )
    wrong = [
        Difference(CHECK, f"{month} {standing}", f"{marked} of {lines} lines", f"{wanted} lines")
        for month, standing, lines, marked in found
        if marked != (wanted := lines if (month, standing) in done else 0)
    ]
    carried = await session.execute(
        text("SELECT DISTINCT split_part(cause, ':', 1) FROM ledger_entries WHERE kind = 'CARRY'")
    )
    return wrong + [
        Difference(CHECK, f"carried from {month}", "carried", "nothing: it is not locked")
        for (month,) in carried
        if (month, "locked") not in done
    ]
