"""What a revisitor says, and what readers get."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictBool, StrictInt

from app.core.permissions import Permission
from app.core.scope import Principal
from app.core.texts import Paragraph
from app.revisits.models import Revisit
from app.revisits.policy import Call
from app.web.wire import Body, Out
from app.work_orders.models import WorkOrder
from app.work_orders.states import State

Rating = Annotated[StrictInt, Field(ge=1, le=5)]


class RevisitIn(Body):
    """One attempt to call the customer back."""

    reached: StrictBool
    solved: StrictBool | None = None
    """Required when reached, absent when not."""
    rating: Rating | None = None
    """1 (bad) to 5 (good), as the customer says; absent when not reached."""
    comment: Paragraph | None = None
    """In the customer's words; becomes the report of a rework order."""

    def call(self) -> Call:
        return Call(self.reached, self.solved, self.rating, self.comment or None)


class RevisitOut(Out):
    """An attempt that was made."""

    id: UUID
    order_id: UUID
    attempt: int
    reached: bool
    solved: bool | None
    rating: int | None
    comment: str | None
    """Hidden from the crew when the reporter is protected."""
    called_by: UUID | None
    """Null when the customer answered by the link of a text message."""
    called_at: datetime
    rework_order_id: UUID | None
    """The order that was opened because the trouble stays."""

    @classmethod
    def of(cls, revisit: Revisit, order: WorkOrder, reader: Principal) -> Self:
        out = cls.model_validate(revisit)
        if "confidential" in order.flags and reader.own_only(Permission.ORDERS_READ):
            out.comment = None
        return out


class RevisitRecordedOut(RevisitOut):
    """The attempt, and where it left the order."""

    order_state: State

    @classmethod
    def recorded(cls, revisit: Revisit, order: WorkOrder) -> Self:
        return cls.model_validate(revisit.model_dump() | {"order_state": order.state})
