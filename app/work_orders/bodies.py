"""What clients send about repair orders."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.geo import PlaceIn
from app.core.texts import Code, Line, Paragraph, Phone
from app.core.times import Moment
from app.web.wire import Body
from app.work_orders.holds import Proof

Channel = Literal["hotline", "hall", "web", "app", "chat", "mail", "import"]
Flag = Literal["vulnerable", "angry", "confidential", "key_customer"]
HoldReason = Literal[
    "customer_absent",
    "quote_refused",
    "waiting_parts",
    "waiting_window",
    "other_owner",
    "weather_red",
]
Note = Annotated[Line, Field(description="Why; kept in the order's history.")]


class SlotIn(Body):
    """An appointment slot in times with offset."""

    starts_at: Moment
    ends_at: Moment


class CallerIn(Body):
    """Who is on the line."""

    name: Line
    phone: Phone


class WorkOrderIn(Body):
    """A report of trouble: premises from the register, or an address with its place."""

    channel: Channel = "hotline"
    caller: CallerIn
    premises_id: UUID | None = None
    customer_id: UUID | None = None
    address: Line | None = None
    """Needed, with `place`, when the premises are not in the register."""
    place: PlaceIn | None = None
    fault_code: Code
    description: Paragraph = ""
    flags: list[Flag] = Field(default_factory=list, max_length=4)
    appointment: SlotIn | None = None
    force_new: bool = False
    """Make a new order although one is open here for the same trouble; wants a reason."""
    force_new_reason: Line | None = None
    draft: bool = False
    """Keep it as a draft while the call goes on; submit it later."""

    @model_validator(mode="after")
    def _forced_with_reason(self) -> Self:
        if self.force_new and not self.force_new_reason:
            raise ValueError("force_new wants force_new_reason")
        return self


class SubmitIn(Body):
    """What more there is to say when a draft becomes an order."""

    force_new_reason: Line | None = None
    """Why, although an order is open here for the same trouble."""


class MergeIn(Body):
    """The order for the same trouble that goes on, and how one knows that it is the same."""

    into_order_id: UUID
    reason: Note


class AmendIn(Body):
    """Corrected contact or notes, on the `version` that was read."""

    version: int = Field(ge=1)
    caller_name: Line | None = None
    caller_phone: Phone | None = None
    notes: Paragraph | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.changes():
            raise ValueError("give caller_name, caller_phone or notes")
        return self

    def changes(self) -> dict[str, str]:
        return self.model_dump(exclude={"version"}, exclude_none=True)


class ReasonIn(Body):
    """A decision with its reason."""

    reason: Note


class AnswerIn(Body):
    """What solved it on the phone."""

    answer: Line


class AssignIn(Body):
    """Which crew gets it, and why."""

    crew_id: UUID
    reason: Note
    override_offline: bool = False
    """Send although nobody of the crew is on line."""


class PinIn(Body):
    """The crew that the planner must choose; null frees the order."""

    crew_id: UUID | None
    reason: Note


class JointCrewIn(Body):
    """Members of several crews for one order, and who leads them."""

    technician_ids: list[UUID] = Field(min_length=2, max_length=20)
    leader_id: UUID
    reason: Note

    @model_validator(mode="after")
    def _leader_is_member(self) -> Self:
        if self.leader_id not in self.technician_ids:
            raise ValueError("the leader must be among technician_ids")
        return self


class HoldProofIn(Body):
    """What a hold rests on; the policy says which kind each reason needs."""

    kind: Literal["sms", "signature", "store_entry", "reference", "transfer_note", "warning"]
    """customer_absent: sms; quote_refused: signature; waiting_parts: store_entry; waiting_window:
    reference (of the permit or outage); other_owner: transfer_note; weather_red: warning."""
    reference: Line
    """The number, or the words, under which it is found."""

    def proof(self) -> Proof:
        return Proof(self.kind, self.reference)


class HoldIn(Body):
    """A hold with its reason, end and proof; crew busy or the shift's end is none."""

    reason: HoldReason
    until: Moment
    note: Note
    proof: HoldProofIn | None = None
    """Refused without the kind of proof that the reason needs."""


class RebookIn(Body):
    """A new slot that the customer confirmed."""

    appointment: SlotIn
    reason: Note
    asked_by: Literal["customer", "company"] = "customer"
    """Only the customer's wish lets the clocks begin with the new slot."""


class SuperviseIn(Body):
    """Ask the station (1), the company (2) or for the regulator (3) to account for an order."""

    level: Annotated[int, Field(ge=1, le=3, strict=True)]
    reason: Note


class ReplyIn(Body):
    """The reply that is owed."""

    reply: Note


class DecisionIn(Body):
    """The second person's word."""

    approved: bool
    note: Line | None = None
