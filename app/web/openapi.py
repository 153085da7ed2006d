"""The OpenAPI document: our own problem schema, security schemes, and nothing FastAPI made up."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.web.problems import MEDIA_TYPE
from app.web.wire import ProblemOut

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
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
    for path in spec["paths"].values():
        for operation in path.values():
            _finish(operation)
    return spec


def _finish(operation: dict[str, Any]) -> None:
    if operation.get("operationId") not in PUBLIC:
        operation["security"] = [{"bearer": []}, {"apiKey": []}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, response in operation["responses"].items():
        if int(status) >= 400 and "application/json" in response.get("content", {}):
            response["content"] = content
