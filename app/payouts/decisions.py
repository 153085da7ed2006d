"""Decisions of people about pay: deductions, corrections, appeals. Nobody decides on themselves."""

from decimal import Decimal
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions import service as completions
from app.core import clock, settings
from app.core.i18n import Text
from app.core.ids import new_id
from app.core.permissions import Permission
from app.core.problems import NotFound
from app.core.scope import Principal
from app.organisation.models import Technician
from app.payouts import card_rows, facts, ledger
from app.payouts.card import CardRules
from app.payouts.errors import DecidedAlready, NothingEarned, OwnCase, SamePerson
from app.payouts.models import LedgerEntry, PayAdjustment, PayFinding
from app.payouts.policy import month_of
from app.payouts.posting import Why, adjustment, deduction
from app.work_orders import service as work_orders


def require(principal: Principal, permission: Permission, person: Technician) -> None:
    """Raises NotFound outside the scope, and OwnCase when it is about the principal."""
    if principal.technician_id == person.id or principal.id == person.user_id:
        raise OwnCase()
    if not principal.covers(permission, person.station_id):
        raise NotFound()


async def require_no_part(session: AsyncSession, principal: Principal, order_id: UUID) -> None:
    """Raises OwnCase for somebody who worked on the order."""
    if await completions.worked_on(session, principal.id, order_id):
        raise OwnCase()


async def earned_line(
    session: AsyncSession, order_id: UUID, technician_id: UUID
) -> tuple[LedgerEntry, list[LedgerEntry], CardRules]:
    """A person's EARN of an order, all lines of the order, and the card; raises NothingEarned.

    The order stays locked until the transaction ends.
    """
    standing = list(await ledger.locked_lines(session, {order_id}))
    for entry in standing:
        if entry.kind == "EARN" and entry.technician_id == technician_id:
            card = await card_rows.card(session, entry.rate_card_id)
            return entry, standing, facts.rules_of(card)
    raise NothingEarned()


async def today_open(session: AsyncSession) -> str:
    """The open month of today."""
    today = clock.now().astimezone(settings.current().zone).date()
    return await ledger.open_month(session, month_of(today))


async def find_against(
    session: AsyncSession,
    principal: Principal,
    order_id: UUID,
    technician_id: UUID,
    kind: str,
    reason: str,
) -> tuple[PayFinding, LedgerEntry]:
    """Attribute a deduction to a person, with reasons, once per order and kind (DOMAIN 5.5).

    Raises NotFound, OwnCase for whoever took part, NothingEarned and DecidedAlready.
    """
    await work_orders.locked(session, principal, Permission.REVIEWS_DECIDE, order_id)
    await require_no_part(session, principal, order_id)
    entry, standing, rules = await earned_line(session, order_id, technician_id)
    before = select(PayFinding).where(
        PayFinding.order_id == order_id,
        PayFinding.technician_id == technician_id,
        PayFinding.kind == kind,
    )
    if (await session.exec(before)).first() is not None:
        raise DecidedAlready()
    finding = PayFinding(
        order_id=order_id,
        technician_id=technician_id,
        kind=kind,
        reason=reason,
        decided_by=principal.id,
        decided_at=clock.now(),
    )
    session.add(finding)
    await session.flush()
    why = Why(
        cause=f"finding:{finding.id}",
        period=await today_open(session),
        text=Text(reason, reason),
        inputs={"finding": str(finding.id), "rate_card": rules.name},
        unit=rules.unit,
    )
    part = rules.deductions.part(kind)
    draft = deduction(entry, standing, kind, part, rules.point_minor, why)
    (posted,) = await ledger.append(session, [draft])
    await _confirm(session, posted, why.cause, principal)
    return finding, posted


async def _confirm(session: AsyncSession, entry: LedgerEntry, why: str, by: Principal) -> None:
    await ledger.confirm_lines(session, [entry], why=why, at=clock.now(), by=by.id)


async def propose_adjustment(
    session: AsyncSession,
    principal: Principal,
    order_id: UUID,
    technician_id: UUID,
    points: Decimal,
    reason: str,
) -> PayAdjustment:
    """Ask for a correction of what an order pays somebody; another person approves it.

    Raises NotFound, OwnCase and NothingEarned.
    """
    person = await session.get(Technician, technician_id)
    if person is None:
        raise NotFound()
    require(principal, Permission.PAYOUTS_DECIDE, person)
    await require_no_part(session, principal, order_id)
    await earned_line(session, order_id, technician_id)
    row = PayAdjustment(
        id=new_id(),
        order_id=order_id,
        technician_id=technician_id,
        points=points,
        reason=reason,
        proposed_by=principal.id,
        proposed_at=clock.now(),
    )
    session.add(row)
    await session.flush()
    return row


async def decide_adjustment(
    session: AsyncSession, principal: Principal, adjustment_id: UUID, approved: bool, reason: str
) -> tuple[PayAdjustment, LedgerEntry | None]:
    """Approve or refuse what another asked for; approval posts the ADJUST.

    Raises NotFound, OwnCase, SamePerson, DecidedAlready, and NothingEarned when it takes more than
    the order still pays.
    """
    row = await session.get(PayAdjustment, adjustment_id, with_for_update=True)
    if row is None:
        raise NotFound()
    person = await session.get_one(Technician, row.technician_id)
    require(principal, Permission.PAYOUTS_DECIDE, person)
    await require_no_part(session, principal, row.order_id)
    if row.decided_at is not None:
        raise DecidedAlready()
    if row.proposed_by == principal.id:
        raise SamePerson()
    row.decided_by, row.decided_at = principal.id, clock.now()
    row.approved, row.decision_reason = approved, reason
    await session.flush()
    if not approved:
        return row, None
    why = f"adjustment:{row.id}"
    posted = await adjust(session, row.order_id, row.technician_id, row.points, why, row.reason)
    await _confirm(session, posted, why, principal)
    return row, posted


async def adjust(
    session: AsyncSession,
    order_id: UUID,
    technician_id: UUID,
    points: Decimal,
    cause: str,
    reason: str,
    month: str | None = None,
) -> LedgerEntry:
    """Post an ADJUST that two people agreed on, in the open month of today without another.

    Raises NothingEarned when it would take more than the order still pays the person.
    """
    entry, standing, rules = await earned_line(session, order_id, technician_id)
    month = month or await today_open(session)
    why = Why(cause, month, Text(reason, reason), {"rate_card": rules.name}, rules.unit)
    draft = adjustment(entry, standing, points, rules.point_minor, why)
    (posted,) = await ledger.append(session, [draft])
    return posted
