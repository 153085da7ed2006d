"""The OpenAPI document: our own problem schema, security schemes, and nothing FastAPI made up."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.web.problems import MEDIA_TYPE
from app.web.wire import ProblemOut

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_BY_MODULE = re.compile(r"app__([a-z_]+?)__(?:[a-z_]+__)*(\w+)")
"""What FastAPI makes of names that are taken: app__mobile__sync_schemas__CrewOut."""
_REF = "#/components/schemas/"
PUBLIC = {"login", "refresh", "describe_uploads", "healthz", "readyz"}


def install_openapi(app: FastAPI) -> None:
    """Serve the document below instead of FastAPI's default."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    spec = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = spec.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = ProblemOut.model_json_schema()
    components["securitySchemes"] = SECURITY
    spec = _plainly_named(spec)
    for path in spec["paths"].values():
        for operation in path.values():
            _finish(operation)
    return spec


def _plainly_named(spec: dict[str, Any]) -> dict[str, Any]:
    """Two rooms' shapes of one name by their rooms: clients get a MobileCrewOut, no module path."""
    named = {
        name: found[1].title().replace("_", "") + found[2]
        for name in spec["components"]["schemas"]
        if (found := _BY_MODULE.fullmatch(name))
    }
    taken = spec["components"]["schemas"].keys()
    if len(set(named.values()) - taken) != len(named):
        raise ValueError(f"two shapes would have one name: {sorted(named.values())}")

    def renamed(part: Any) -> Any:
        if isinstance(part, dict):
            return {named.get(name, name): renamed(value) for name, value in part.items()}
        if isinstance(part, list):
            return [renamed(each) for each in part]
        if isinstance(part, str) and part.startswith(_REF):
            return _REF + named.get(part[len(_REF) :], part[len(_REF) :])
        return part

    plain: dict[str, Any] = renamed(spec)
    return plain


def _finish(operation: dict[str, Any]) -> None:
    if operation.get("operationId") not in PUBLIC:
        operation["security"] = [{"bearer": []}, {"apiKey": []}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, response in operation["responses"].items():
        if int(status) >= 400 and "application/json" in response.get("content", {}):
            response["content"] = content
