"""Every route of identity, for the composition root."""

from fastapi import APIRouter

from app.identity import auth_routes, device_routes, key_routes, user_routes

router = APIRouter()
for each in (
    auth_routes.public,
    auth_routes.router,
    auth_routes.own,
    device_routes.router,
    user_routes.router,
    key_routes.router,
    key_routes.audit_router,
):
    router.include_router(each)
