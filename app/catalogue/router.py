"""Reading the catalogue over HTTP."""

from typing import Annotated

from fastapi import APIRouter

from app.catalogue import service
from app.catalogue.schemas import (
    CauseOut,
    CausesOut,
    FaultOut,
    FaultsOut,
    LimitOut,
    ServiceProfileOut,
)
from app.core.permissions import Permission as P
from app.core.scope import Principal
from app.identity.access import allow
from app.web.transactions import Session, TransactionalRoute

router = APIRouter(prefix="/catalogue", tags=["catalogue"], route_class=TransactionalRoute)
Reader = Annotated[Principal, allow(P.CATALOGUE_READ)]


@router.get("/faults")
async def list_faults(_principal: Reader, session: Session) -> FaultsOut:
    """Every fault code in force today."""
    return FaultsOut(
        version=await service.version_on(session),
        items=[FaultOut.model_validate(each) for each in await service.faults(session)],
    )


@router.get("/causes")
async def list_causes(_principal: Reader, session: Session) -> CausesOut:
    """Every cause code in force today."""
    return CausesOut(
        version=await service.version_on(session),
        items=[CauseOut.model_validate(each) for each in await service.causes(session)],
    )


@router.get("/service-profiles")
async def list_service_profiles(_principal: Reader, session: Session) -> list[ServiceProfileOut]:
    """Every profile of service limits, oldest first; `current` marks the one in force."""
    current = await service.current_profile(session)
    return [
        ServiceProfileOut(
            name=profile.name,
            effective_from=profile.effective_from,
            source=profile.source,
            note=profile.note,
            current=profile.id == current.id,
            reference=profile.reference,
            limits=[LimitOut.model_validate(each) for each in limits],
        )
        for profile, limits in await service.profiles_with_limits(session)
    ]
