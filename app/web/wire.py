"""Shapes that every route shares: strict bodies, pages, problem documentation."""

import base64
import binascii
import json
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from app.core.problems import InvalidInput
from app.web.problems import MEDIA_TYPE


class Body(BaseModel):
    """What a client sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, str_max_length=10_000)


class Out(BaseModel):
    """What the service answers."""

    model_config = ConfigDict(use_attribute_docstrings=True, from_attributes=True)


class Page[Item](Out):
    """A slice of a list; `next_cursor` is null at its end."""

    # Its fields have none, and to look for them costs each kind of page a tenth of a second.
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: list[Item]
    next_cursor: str | None = None


class ProblemOut(Out):
    """RFC 9457 problem details with what to do about it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    action: str


Limit = Annotated[int, Query(ge=1, le=200, description="Rows per page.")]
CursorParam = Annotated[str | None, Query(max_length=300, description="`next_cursor` of before.")]


def encode_cursor(*values: Any) -> str:
    """An opaque keyset cursor over JSON-ready values."""
    return base64.urlsafe_b64encode(json.dumps(values, default=str).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> list[Any]:
    """The values of a cursor; raises InvalidInput when it is none of ours."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("the cursor is not one of ours") from error
    if not isinstance(values, list) or len(values) != length:
        raise InvalidInput("the cursor belongs to another list")
    return values


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries that say `application/problem+json`, which FastAPI's own would not."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": "Problem details", "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
