"""What goes over the wire about ladders, alarms and delivery."""

from datetime import datetime
from typing import Annotated, Any
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


class OnCallIn(Body):
    """Who is called for the station, in this order; empty for its chiefs."""

    user_ids: Annotated[list[UUID], Field(max_length=50)]


class OnCallOut(Out):
    """A person on the list, the first to be called first."""

    id: UUID
    username: str
    display_name: str


class DeliveryRow(Out):
    """How one provider did on one brand and version of the app."""

    provider: str
    brand: str | None
    app_version: str | None
    attempts: int
    accepted: int
    accepted_share: float | None
    heard: int
    """Of those accepted: the phone then showed that it knows."""
    heard_share: float | None
    """What arrives, as far as anybody can know: the provider's yes says nothing of it."""
    results: dict[str, int]
    """`started` has no end yet, `lost` never had one."""
    took_ms_p50: int | None
    took_ms_p99: int | None
    """Real milliseconds of the provider's answer."""
    heard_s_p50: float | None
    heard_s_p90: float | None
    """Business seconds until the phone showed that it knows."""


class LadderFigures(Out):
    """How the alarms of one ladder went."""

    name: str
    alarms: int
    heard: int
    moot: int
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
    rows: list[DeliveryRow]
    ladders: list[LadderFigures]
