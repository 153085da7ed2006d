"""What goes over the wire about webhooks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core.texts import Line
from app.core.times import Moment
from app.web.wire import Body, Out

Pattern = Annotated[
    str, StringConstraints(pattern=r"^(\*|[a-z_]{1,40}\.\*|[a-z_]{1,40}\.[a-z_]{1,40})$")
]


class WebhookIn(Body):
    """A URL that is to be told."""

    url: Annotated[str, StringConstraints(min_length=8, max_length=500)]
    events: Annotated[list[Pattern], Field(min_length=1, max_length=50)]
    """Types such as `work_order.accepted`; `work_order.*` and `*` stand for more."""
    station_id: UUID | None = None
    """Only orders of this station and those below it."""
    description: Line


class WebhookOut(Out):
    """An endpoint."""

    id: UUID
    url: str
    events: list[str]
    station_id: UUID | None
    description: str
    created_at: datetime
    disabled_at: datetime | None
    disabled_why: str | None


class WebhookMade(WebhookOut):
    """A new endpoint; the secret is shown this once."""

    secret: str | None
    """`whsec_...`, for checking signatures by the Standard Webhooks specification."""


class TryOut(Out):
    """One request and its answer."""

    at: datetime
    took_ms: int
    status: int | None
    detail: str | None


class WebhookDeliveryOut(Out):
    """One message on its way to the endpoint."""

    id: UUID
    message_id: str
    type: str
    state: Literal["queued", "sending", "delivered", "failed"]
    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    tries: list[TryOut]


class ReplayIn(Body):
    """What is to be told again."""

    since: Moment


class ReplayOut(Out):
    """How many messages were queued."""

    messages: int
