"""Appeals: the technician contests a published line, the station answers, the company decides."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.models import Review
from app.core import clock
from app.core.i18n import Text
from app.core.permissions import Permission
from app.core.problems import Forbidden, InvalidInput, NotFound
from app.core.scope import Principal, scoped
from app.organisation.models import Technician
from app.payouts import card_rows, decisions, facts, ledger, months, repository
from app.payouts.errors import AppealRefused, DecidedAlready, SamePerson
from app.payouts.models import LedgerEntry, PayAdjustment, PayAppeal, PayFinding
from app.payouts.posting import FOLLOWED, PASSED, Why, counter_entry
from app.revisits.models import ReworkCase

GRANTED = "granted"


async def raise_appeal(
    session: AsyncSession, principal: Principal, entry_id: int, reason: str
) -> PayAppeal:
    """Contest an own line of a published month within the card's working days.

    Raises NotFound for what is not one's own, and AppealRefused.
    """
    entry = await session.get(LedgerEntry, entry_id)
    if entry is None or principal.technician_id != entry.technician_id:
        raise NotFound()
    await repository.closed_months(session)  # the month stands still until the appeal is written
    standing, acts = await months.state(session, entry.period)
    if standing != months.PUBLISHED:
        raise AppealRefused(f"{entry.period} is {standing}", why="not published")
    rules = (await months.rules_of_month(session, entry.period)).month
    published = acts[-1].at
    if clock.now() >= months.after_working_days(published, rules.appeal_days):
        raise AppealRefused("the time for appeals has ended", why="too late")
    if (await session.exec(select(PayAppeal).where(PayAppeal.entry_id == entry_id))).first():
        raise AppealRefused("it is contested already", why="twice")
    station = months.after_working_days(clock.now(), rules.station_days)
    appeal = PayAppeal(
        entry_id=entry_id,
        technician_id=entry.technician_id,
        month=entry.period,
        reason=reason,
        raised_by=principal.id,
        raised_at=clock.now(),
        station_due_at=station,
        company_due_at=months.after_working_days(
            clock.now(), rules.station_days + rules.company_days
        ),
    )
    session.add(appeal)
    await session.flush()
    return appeal


async def _locked(
    session: AsyncSession, principal: Principal, appeal_id: UUID
) -> tuple[PayAppeal, LedgerEntry]:
    appeal = await session.get(PayAppeal, appeal_id, with_for_update=True)
    if appeal is None:
        raise NotFound()
    person = await session.get_one(Technician, appeal.technician_id)
    decisions.require(principal, Permission.PAYOUTS_DECIDE, person)
    entry = await session.get_one(LedgerEntry, appeal.entry_id)
    await decisions.require_no_part(session, principal, entry.order_id)
    if principal.id in await _deciders(session, entry):
        raise SamePerson()
    await ledger.locked_lines(session, {entry.order_id})
    return appeal, entry


async def _deciders(session: AsyncSession, entry: LedgerEntry) -> set[UUID | None]:
    """Who decided what the line came of: nobody judges an appeal against their own decision."""
    if entry.kind == "CARRY":
        entry = await session.get_one(LedgerEntry, entry.refers_to)
    way, _, rest = entry.cause.partition(":")
    of = rest.partition(":")[0]
    if way in (PASSED, FOLLOWED):  # a merged report's line names the record of what it followed
        record_id = UUID(entry.inputs["completion_id"])
        judged = select(Review.reviewed_by).where(Review.completion_id == record_id)
        return set((await session.exec(judged)).all())
    if way == "appeal":
        before = await session.get_one(PayAppeal, UUID(of))
        return {before.station_by, before.company_by}
    if way == "finding":
        return {(await session.get_one(PayFinding, UUID(of))).decided_by}
    if way == "rework":
        return {(await session.get_one(ReworkCase, UUID(of))).decided_by}
    if way == "adjustment":
        asked = await session.get_one(PayAdjustment, UUID(of))
        return {asked.proposed_by, asked.decided_by}
    return set()


async def answer(
    session: AsyncSession,
    principal: Principal,
    appeal_id: UUID,
    verdict: str,
    reason: str,
    points: Decimal | None,
) -> PayAppeal:
    """The station says what it thinks, and when it grants against a payment how much is missing;
    the company decides after it.

    Raises NotFound, OwnCase, SamePerson, DecidedAlready and InvalidInput.
    """
    appeal, entry = await _locked(session, principal, appeal_id)
    if appeal.station_verdict is not None or appeal.company_verdict is not None:
        raise DecidedAlready()
    _check_points(entry, verdict, points)
    appeal.station_verdict, appeal.station_reason = verdict, reason
    appeal.station_points = points
    appeal.station_by, appeal.station_at = principal.id, clock.now()
    await session.flush()
    return appeal


async def decide(
    session: AsyncSession,
    principal: Principal,
    appeal_id: UUID,
    verdict: str,
    reason: str,
    points: Decimal | None,
) -> tuple[PayAppeal, LedgerEntry | None]:
    """The company decides, by another person than answered for the station, or in its stead when
    the station's days have passed. Granted, it posts a counter-entry to what was taken, or adds
    `points` to what was paid; in the month itself while that is not locked. More points than the
    station granted are only asked for, and somebody else approves them (DOMAIN 5.7).

    Raises NotFound, OwnCase, SamePerson, DecidedAlready, Forbidden and InvalidInput.
    """
    appeal, entry = await _locked(session, principal, appeal_id)
    if principal.stations(Permission.PAYOUTS_DECIDE) is not None:
        raise Forbidden(permission=Permission.PAYOUTS_DECIDE.value)
    if appeal.company_verdict is not None:
        raise DecidedAlready()
    if appeal.station_by == principal.id:
        raise SamePerson()
    if appeal.station_by is None and clock.now() < appeal.station_due_at:
        raise AppealRefused("the station has not answered yet", why="station first")
    _check_points(entry, verdict, points)
    appeal.company_verdict, appeal.company_reason = verdict, reason
    appeal.company_by, appeal.company_at, appeal.points = principal.id, clock.now(), points
    await session.flush()
    if verdict != GRANTED:
        return appeal, None
    if points is not None and points > (appeal.station_points or 0):
        asked = (entry.order_id, entry.technician_id, points, reason)
        await decisions.propose_adjustment(session, principal, *asked)
        return appeal, None
    return appeal, await _post(session, appeal, entry, reason)


def _check_points(entry: LedgerEntry, verdict: str, points: Decimal | None) -> None:
    wanted = verdict == GRANTED and entry.amount_minor >= 0
    if (points is not None) != wanted:
        raise InvalidInput("give points exactly when an appeal against a payment is granted")
    if points is not None and points <= 0:
        raise InvalidInput("an appeal adds points, it never takes any")


async def _post(
    session: AsyncSession, appeal: PayAppeal, entry: LedgerEntry, reason: str
) -> LedgerEntry | None:
    await repository.closed_months(session)  # a lock that is under way would miss the line
    standing, _ = await months.state(session, appeal.month)
    is_open = standing == months.PUBLISHED
    month = appeal.month if is_open else await decisions.today_open(session)
    cause = f"appeal:{appeal.id}"
    if appeal.points is not None:
        said = (entry.order_id, entry.technician_id, appeal.points, cause, reason, month)
        posted = await decisions.adjust(session, *said)
    else:
        rules = facts.rules_of(await card_rows.card(session, entry.rate_card_id))
        why = Why(cause, month, Text(reason, reason), {"appeal": str(appeal.id)}, rules.unit)
        draft = counter_entry(entry, await repository.entries_of(session, {entry.order_id}), why)
        if draft is None:
            return None
        (posted,) = await ledger.append(session, [draft])
    assert appeal.company_at is not None
    await ledger.confirm_lines(
        session, [posted], why=cause, at=appeal.company_at, by=appeal.company_by
    )
    return posted


async def listed(session: AsyncSession, principal: Principal, month: str) -> Sequence[PayAppeal]:
    """Appeals of a month in the reader's scope, own ones for a technician."""
    own = col(Technician.id) == principal.technician_id
    statement = (
        select(PayAppeal)
        .join(Technician, col(Technician.id) == PayAppeal.technician_id)
        .where(
            PayAppeal.month == month,
            scoped(principal, Permission.PAYOUTS_READ, Technician.station_id, own=own),
        )
        .order_by(col(PayAppeal.id))
    )
    return (await session.exec(statement)).all()
