"""Keys of other systems, and the audit trail."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.core.permissions import Permission as P
from app.core.problems import InvalidInput
from app.core.scope import Principal
from app.core.texts import Code
from app.identity import api_keys, audit_trail
from app.identity.access import allow, allow_once
from app.identity.schemas import ApiKeyIn, ApiKeyOut, ApiKeyWithSecretOut, AuditRecordOut
from app.identity.shown_once import ShownOnceRoute, show_once
from app.web.transactions import Session, TransactionalRoute
from app.web.wire import CursorParam, Limit, Page, decode_cursor, encode_cursor, problem_responses

router = APIRouter(prefix="/api-keys", tags=["api-keys"], route_class=ShownOnceRoute)
audit_router = APIRouter(prefix="/audit-records", tags=["audit"], route_class=TransactionalRoute)
KeyReader = Annotated[Principal, allow(P.API_KEYS_WRITE)]
KeyAdmin = Annotated[Principal, allow_once(P.API_KEYS_WRITE)]


@router.get("", response_model=Page[ApiKeyOut])
async def list_api_keys(
    principal: KeyReader, session: Session, limit: Limit = 50, cursor: CursorParam = None
) -> Page[ApiKeyOut]:
    """Keys of the caller's stations, newest first, without their secrets."""
    rows = await api_keys.list_keys(session, principal, after=_uuid(cursor), limit=limit + 1)
    items = [ApiKeyOut.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].id) if rows[limit:] else None)


@router.post(
    "", response_model=ApiKeyWithSecretOut, status_code=201, responses=problem_responses(409)
)
async def create_api_key(
    request: Request, principal: KeyAdmin, session: Session, body: ApiKeyIn
) -> ApiKeyWithSecretOut:
    """A key for a call-centre system; the key is in this answer and nowhere else."""
    row, key = await api_keys.create_key(
        session,
        principal,
        name=body.name,
        permissions=body.permissions,
        station_id=body.station_id,
        lifetime=timedelta(days=body.valid_days),
    )
    show_once(request, key=key)
    return ApiKeyWithSecretOut.model_validate(row)


@router.post("/{key_id}/revoke", response_model=ApiKeyOut, responses=problem_responses(404, 409))
async def revoke_api_key(principal: KeyAdmin, session: Session, key_id: UUID) -> ApiKeyOut:
    """Refuse the key from now on."""
    return ApiKeyOut.model_validate(await api_keys.revoke_key(session, principal, key_id))


@audit_router.get("", response_model=Page[AuditRecordOut])
async def list_audit_records(
    principal: Annotated[Principal, allow(P.AUDIT_READ)],
    session: Session,
    subject: Code | None = None,
    subject_id: UUID | None = None,
    principal_id: Annotated[UUID | None, Query(description="Who did it.")] = None,
    limit: Limit = 50,
    cursor: CursorParam = None,
) -> Page[AuditRecordOut]:
    """Reads of personal data and acts of administration, newest first."""
    rows = await audit_trail.list_records(
        session,
        principal,
        subject=subject,
        subject_id=subject_id,
        principal_id=principal_id,
        before=_number(cursor),
        limit=limit + 1,
    )
    items = [AuditRecordOut.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].id) if rows[limit:] else None)


def _uuid(cursor: str | None) -> UUID | None:
    try:
        return UUID(decode_cursor(cursor, 1)[0]) if cursor else None
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInput("the cursor belongs to another list") from error


def _number(cursor: str | None) -> int | None:
    if not cursor:
        return None
    value = decode_cursor(cursor, 1)[0]
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise InvalidInput("the cursor belongs to another list")
    return value
