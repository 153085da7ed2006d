"""Who is woken for what, and what an alarm does next: pure tables and rules."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app.work_orders.states import Action

NEW = "new"
CHANGED = "changed"
WITHDRAWN = "withdrawn"
URGED = "urged"
REJECTED = "rejected"
UNHEARD = "unheard"
"""To a chief: a crew does not answer."""
SUPERVISED = "supervised"
"""To a chief or a manager: a reply is owed from above."""
ESCALATED = "escalated"
"""To a manager: nobody decided what was asked for."""
TO_CREWS = (NEW, CHANGED, WITHDRAWN, URGED, REJECTED)
"""What a sync shows by the order itself; what those above are told is on no phone's job list."""


LAST_STEP_S = 600
"""An answer later than this is owed to no attempt, where no further step of a ladder ends it."""


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
    Action.MERGED: Telling(WITHDRAWN, None),
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


LOUD = frozenset({"sms", "voice"})
"""What rings or lights up a private phone at night; a push is data and stays silent."""


class Acts(NamedTuple):
    """What a step does now, and what quiet hours keep it from doing."""

    taken: list[str]
    left_out: list[str]


def is_quiet(local: time, starts: str, ends: str) -> bool:
    """Whether `local` lies in the quiet hours, which may pass midnight; empty when equal."""
    first, last = time.fromisoformat(starts), time.fromisoformat(ends)
    if first <= last:
        return first <= local < last
    return local >= first or local < last


def acts_now(acts: Sequence[str], *, quiet: bool, on_shift: bool) -> Acts:
    """Quiet hours spare a chief at home, and a crew that is off shift; red they never hold back.

    The step is taken all the same, so that the next one comes at its time: a silent night must
    not lengthen the silence of a job.
    """
    spared = {"chief"} | (set() if on_shift else LOUD) if quiet else set()
    return Acts([act for act in acts if act not in spared], [act for act in acts if act in spared])


def due_after(began: datetime, steps: Sequence[Mapping[str, Any]], taken: int) -> datetime | None:
    """When the step after `taken` steps is due; None at the top."""
    if taken >= len(steps):
        return None
    return began + timedelta(seconds=steps[taken]["after_s"])


def nth_voice(steps: Sequence[Mapping[str, Any]], step: int) -> int:
    """Which of the calls of a ladder this step makes, from 0: the first goes to the leader."""
    return sum("voice" in each["acts"] for each in steps[:step])
