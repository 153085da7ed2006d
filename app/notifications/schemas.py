"""What goes over the wire about push."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import StringConstraints, model_validator

from app.web.wire import Body, Out

KINDS = {
    "fcm": ("fid", "token"),
    "jpush": ("registration_id",),
    "stream": ("device",),
    "pull": ("device",),
}


class PushAddressIn(Body):
    """Where this device can be woken."""

    provider: Literal["fcm", "jpush", "stream", "pull"]
    """Firebase Cloud Messaging, JPush, the open event stream, or none: the device only asks."""
    kind: Literal["fid", "token", "registration_id", "device"]
    """fcm: `fid`, or `token` of older installations; jpush: `registration_id`; else `device`."""
    address: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:.\-]{1,500}$")]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind not in KINDS[self.provider]:
            raise ValueError(f"{self.provider} has addresses of kind {KINDS[self.provider]}")
        return self


class PushAddressOut(Out):
    """A registered address, without the address itself."""

    id: UUID
    provider: str
    kind: str
    registered_at: datetime


class PushSummary(Out):
    """How pushes fared for orders in the caller's scope."""

    total: int
    """Messages announced, one per event and person."""
    sent: int
    """At least one address of the person accepted it."""
    queued: int
    moot: int
    """Not sent: the order moved on, or the phone had pulled already."""
    no_address: int
    failed: int
    acknowledged: int
    """Of those sent: the phone's sync contained the order, or a command named it."""
    accepted: int
    """Attempts that the provider accepted; the other results below."""
    attempts: dict[str, int]
    """Per result: accepted, unregistered, quota, unavailable, refused, misconfigured."""
    dead: int
    """Addresses that providers disowned."""
