"""What goes over the wire about ladders, alarms and delivery."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.web.wire import Body, Out


class LadderOut(Out):
    """What happens until somebody answers."""

    name: str
    effective_from: datetime
    kinds: list[str]
    """Of messages: new, changed, withdrawn, urged, rejected."""
    classes: list[str]
    """Service classes of orders."""
    steps: list[dict[str, Any]]
    """`after_s` business seconds since the alarm; `acts`: push, sms, voice, chief, red."""
    burst_s: int
    keeps_quiet: bool
    quiet_from: str
    quiet_until: str
    source: str


class UnheardOut(Out):
    """A job that no phone of its crew has shown to know."""

    alarm_id: UUID
    order_id: UUID
    serial: str
    service_class: str
    station_id: UUID
    crew_id: UUID
    crew_code: str
    kind: str
    """`new`: the crew does not know that it has the job; `withdrawn`: that it lost it."""
    ladder: str
    steps_taken: int
    since: datetime
    red_at: datetime
    noted: list["AlarmReplyOut"]
    """Who has taken note of it, and what they said."""


class AlarmReplyIn(Body):
    """What the dispatcher does about a red job."""

    kind: Literal["noted", "settled"]
    """noted: somebody looks after it, it stays on the list; settled: it leaves the list."""
    reason: Annotated[str, Field(min_length=2, max_length=500)]


class AlarmReplyOut(Out):
    """Who did what about a red job, and why."""

    alarm_id: UUID
    kind: str
    reason: str
    by: UUID
    by_name: str
    at: datetime


class OnCallIn(Body):
    """Who is called for the station, in this order; empty for its chiefs."""

    user_ids: Annotated[list[UUID], Field(max_length=50)]


class OnCallOut(Out):
    """A person on the list, the first to be called first."""

    id: UUID
    username: str
    display_name: str


class DeliveryRow(Out):
    """How one provider did on one brand and version of the app; `definitions` says what counts."""

    provider: str
    brand: str | None
    app_version: str | None
    attempts: int
    accepted: int
    accepted_share: float | None
    arrived: int
    arrived_share: float | None
    """What reaches phones: the provider's yes says nothing of it."""
    heard: int
    heard_share: float | None
    by_itself: int
    """Acknowledged in time, but not because of this attempt."""
    results: dict[str, int]
    """`started` has no end yet, `lost` never had one."""
    took_ms_p50: int | None
    took_ms_p99: int | None
    """Real milliseconds of the provider's answer."""
    arrived_s_p50: float | None
    arrived_s_p90: float | None
    heard_s_p50: float | None
    heard_s_p90: float | None
    """Business seconds until the phone showed that it knows."""


class CustomerFigures(Out):
    """How one kind of message to customers went; `sent` is what the gateway took."""

    kind: str
    messages: int
    attempts: int
    """Calls to the gateway, repetitions included."""
    sent: int
    queued: int
    failed: int
    unwanted: int
    """The number wants none."""
    moot: int
    """What it told was over before it left."""
    sent_s_p50: float | None
    sent_s_p90: float | None
    """Business seconds from the happening until the gateway took it."""


class LadderFigures(Out):
    """How the alarms of one ladder went."""

    name: str
    alarms: int
    heard: int
    moot: int
    climbed: int
    """Took the last step, which asks nobody, and heard nothing."""
    settled: int
    """Somebody took it from the red list."""
    open: int
    red: int
    """Reached the dispatcher's list, whether heard later or not."""
    climbs: dict[str, int]
    """Per step, from 0: the first push."""
    heard_s_p50: float | None
    heard_s_p90: float | None


class DeliveryOut(Out):
    """What became of every message between two instants."""

    since: datetime
    until: datetime
    definitions: dict[str, dict[str, str]]
    """What each figure counts, in zh and en."""
    rows: list[DeliveryRow]
    customers: list[CustomerFigures]
    ladders: list[LadderFigures]
