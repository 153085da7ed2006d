"""What a phone sends in commands, and what it is answered."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import core_schema

from app.completions.record import CompletionIn, ContributionIn, ReadingIn
from app.core.geo import PlaceIn
from app.core.texts import Line, Paragraph
from app.core.times import Moment, PhoneMoment, can_be_meant
from app.web.wire import Body, Out
from app.work_orders.bodies import HoldProofIn, HoldReason, SlotIn

Kind = Literal[
    "accept",
    "refuse",
    "contact",
    "depart",
    "arrive",
    "start",
    "restore",
    "make_safe",
    "hold",
    "return",
    "rebook",
    "record",
    "complete",
]
ConflictReason = Literal[
    "reassigned",
    "already_done",
    "too_early",
    "order_ended",
    "not_leader",
    "approval_pending",
    "fields_differ",
]
"""Why the state did not allow an act: the order went to others; somebody did it before; a step
before it is missing; the order is closed, cancelled or merged; only the leader does it; a request
waits already; the record stands with other words."""


class MeasuredPlaceIn(PlaceIn):
    """Where the phone was, how sure it is, and whether the position was made up."""

    accuracy_m: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    """Radius in metres that the system gave."""
    mock: bool = False
    """The system said that another app supplies the position."""


class SteadyIn(Body):
    """The phone's steady clock at the act: it only runs on, and nobody can set it."""

    boot_id: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    """Made anew when the steady clock begins again: at boot, or when the app starts."""
    uptime_ms: int = Field(ge=0, lt=2**53)


class CommandIn(Body):
    """One act of a technician; `kind` says which of the nullable fields it needs.

    refuse, return: `reason`. contact: `reached`. arrive: `place`, or `arrival_code`. start: at
    safety levels 3 and 4 `guardian_id` and `checklist_confirmed`. hold: `hold_reason`, `until`,
    `reason`, `proof`. rebook: `appointment`, `reason`. record: `contribution`.
    complete: `completion`.
    """

    id: UUID
    """Made by the phone; the same id replays the stored answer."""
    device_seq: int = Field(ge=1, lt=2**31)
    """Counts the person's commands of this installation from 1, without gaps."""
    kind: Kind
    order_id: UUID
    client_at: PhoneMoment
    """The phone's own clock at the act; the server corrects it by the measured skew. A year that
    cannot be meant is no reason to refuse the act."""
    steady: SteadyIn | None = None
    """With `Device-Uptime` of the same `boot_id` it tells the time of the act whatever became of
    the phone's clock."""
    place: MeasuredPlaceIn | None = None
    arrival_code: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9:_-]+$")] | None = None
    """arrive: what the QR code on the building or box said, word for word."""
    reason: Line | None = None
    note: Paragraph | None = None
    reached: bool | None = None
    """contact: whether the customer answered."""
    guardian_id: UUID | None = None
    """start: the technician who watches."""
    checklist_confirmed: bool | None = None
    readings: list[ReadingIn] | None = Field(default=None, max_length=20)
    """restore: what was measured."""
    hold_reason: HoldReason | None = None
    until: Moment | None = None
    """hold: when the work can go on."""
    proof: HoldProofIn | None = None
    """hold: what it rests on; each reason needs its kind."""
    appointment: SlotIn | None = None
    """rebook: the slot that the customer confirmed."""
    contribution: ContributionIn | None = None
    completion: CompletionIn | None = None


def printable(text: str) -> str:
    """Names and messages may quote what came: only what a database can store is told."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


class Received:
    """One command as it came: read, or with what is wrong; never a reason to refuse the others.

    A phone that was off line sends a queue: one unreadable command must not block it for good.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.id = UUID(str(raw["id"]))
        self.device_seq = int(raw["device_seq"])
        self.said = json.dumps(raw, sort_keys=True, ensure_ascii=True)
        """All of it, in letters that a database can keep."""
        self.body_hash = hashlib.sha256(self.said.encode()).hexdigest()
        self.command: CommandIn | None = None
        self.errors: list[dict[str, Any]] = []

    @property
    def order_id(self) -> UUID | None:
        """The order that it is about, as far as can be told."""
        if self.command is not None:
            return self.command.order_id
        try:
            return UUID(str(json.loads(self.said).get("order_id")))
        except ValueError:
            return None

    @property
    def strange_time(self) -> str | None:
        """`client_at` word for word, when no right clock could show that."""
        if self.command is None or can_be_meant(self.command.client_at):
            return None
        return printable(str(json.loads(self.said)["client_at"]))

    @classmethod
    def read(cls, raw: Any, validate: Callable[[Any], CommandIn]) -> "Received":
        """Raises ValueError only when not even id and sequence can be read."""
        if not isinstance(raw, dict):
            raise ValueError("a command is an object")
        try:
            received = cls(raw)
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise ValueError("a command needs at least id (UUID) and device_seq") from error
        if not 1 <= received.device_seq < 2**31:
            raise ValueError("device_seq counts from 1")
        try:
            received.command = validate(raw)
        except ValidationError as error:
            received.errors = [
                {
                    "at": [printable(str(part)) for part in each["loc"]],
                    "why": printable(each["msg"]),
                    "code": each["type"],
                }
                for each in error.errors(include_url=False, include_context=False)[:20]
            ]
        return received

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Documented as CommandIn, read leniently."""
        return core_schema.no_info_wrap_validator_function(cls.read, handler(CommandIn))


class CommandBatch(Body):
    """What the phone did since it was last heard of."""

    commands: Annotated[list[Received], Field(max_length=100)]
    """Worked off in the order of `device_seq`, each by itself; none overtakes an earlier one."""
    lost: list[Annotated[int, Field(ge=1, lt=2**31)]] = Field(default_factory=list, max_length=100)
    """Numbers under which the phone has nothing, its storage being damaged. Only so does the
    server stop to ask for them; the station chief is told."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.commands and not self.lost:
            raise ValueError("give commands, or numbers that are lost")
        return self


class OrderStanding(Out):
    """Where the order stands after the command."""

    id: UUID
    state: str
    version: int


class CommandAnswer(Out):
    """What became of one command."""

    id: UUID
    device_seq: int
    outcome: Literal["applied", "refused", "conflict", "retry"]
    """`refused`: against a rule, correct it and send a new command. `conflict`: the state did not
    allow it any more; it is kept, and a person decides. `retry`: nothing is stored, send it again
    with the same id, after those that `expected_seq` asks for."""
    replayed: bool = False
    """The command was answered before, and this is that answer."""
    expected_seq: int | None = None
    """Given when commands before this one are missing: the first that did not come. This one was
    not tried, since it must not overtake them."""
    conflict_id: UUID | None = None
    conflict_reason: ConflictReason | None = None
    order: OrderStanding | None = None
    problem: dict[str, Any] | None = None
    """RFC 9457 problem details of a refusal."""
    result: dict[str, Any] | None = None
    """What the command made: `approval_id` of a hold; `completion_id`; of an arrival how it was
    `proved` (`code`, `place` or null), `distance_m`, `geofence_m` and whether a `photo_wanted`;
    of a contribution `contribution_id`."""


class SequenceGap(Out):
    """Commands that never came, both ends included."""

    first: int
    last: int


class BatchAnswer(Out):
    """An answer per command, in the order in which they were worked off."""

    answers: list[CommandAnswer]
    last_seq: int
    """Every number up to this one is answered for; the next command has the next number."""
    gaps: list[SequenceGap]
    """At most 20, lowest first: numbers below one that came. Send them, or name them `lost`."""
    server_time: datetime
