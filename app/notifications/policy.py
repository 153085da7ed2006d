"""Who is woken for what: a pure table over the actions of a repair order."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from app.work_orders.states import Action

NEW = "new"
CHANGED = "changed"
WITHDRAWN = "withdrawn"
URGED = "urged"
REJECTED = "rejected"


class Telling(NamedTuple):
    """What the crew that lost the order hears, and what the crew that has it hears."""

    before: str | None
    after: str | None


TOLD: Mapping[Action, Telling] = {
    Action.SENT: Telling(None, NEW),
    Action.RESENT: Telling(WITHDRAWN, NEW),
    Action.TRANSFERRED: Telling(WITHDRAWN, NEW),
    Action.RESUMED: Telling(None, NEW),
    Action.WITHDRAWN: Telling(WITHDRAWN, None),
    Action.ACCEPT_EXPIRED: Telling(WITHDRAWN, None),
    Action.REFUSED: Telling(WITHDRAWN, None),
    Action.RETURNED: Telling(WITHDRAWN, None),
    Action.HELD: Telling(WITHDRAWN, None),
    Action.CANCELLED: Telling(WITHDRAWN, None),
    Action.AMENDED: Telling(None, CHANGED),
    Action.REBOOKED: Telling(None, CHANGED),
    Action.HOLD_REFUSED: Telling(None, CHANGED),
    Action.CANCEL_REFUSED: Telling(None, CHANGED),
    Action.URGED: Telling(None, URGED),
    Action.REJECTED: Telling(None, REJECTED),
}
"""Actions that are not here wake nobody: the phone that acted knows, and the rest is no job."""


def kinds_by_user(
    telling: Telling, before: Iterable[UUID], after: Iterable[UUID], actor_id: UUID | None
) -> dict[UUID, str]:
    """Kind per person, each once: who keeps the order hears of it, who acted hears nothing."""
    kinds: dict[UUID, str] = {}
    if telling.before is not None:
        kinds |= dict.fromkeys(before, telling.before)
    if telling.after is not None:
        kinds |= dict.fromkeys(after, telling.after)
    return {user_id: kind for user_id, kind in kinds.items() if user_id != actor_id}


def is_moot(kind: str, still_holds: bool) -> bool:
    """Whether the world moved on: a withdrawn order needs no `new`, a returned one no farewell."""
    return still_holds if kind == WITHDRAWN else not still_holds
