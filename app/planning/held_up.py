"""Which due visits are held up: their crew has something in its hands and is behind its day."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.planning import policy
from app.planning.commit_rows import Due, Hands

EMPTY = Hands()


class Held(NamedTuple):
    """By how much a due visit's crew is behind, and how that is known."""

    visit: Due
    behind_s: int
    unanswered: bool
    """It has left an order unanswered for so long; else it should have left for this one by now."""

    @property
    def words(self) -> tuple[str, str]:
        """Chinese and English, as a clause about the crew."""
        minutes = round(self.behind_s / 60)
        if self.unanswered:
            return f"已 {minutes} 分钟未接单", f"unanswered for {minutes} min"
        return f"已晚 {minutes} 分钟", f"{minutes} min behind"


def is_free(hands: Hands) -> bool:
    """Whether a crew may be sent an order by plan (DOMAIN section 7); danger asks nobody."""
    return hands.unaccepted == 0 and hands.ahead < policy.MOST_AHEAD


def held_up(due: Iterable[Due], hands: Mapping[UUID, Hands], at: datetime) -> list[Held]:
    """Those whose crew is held up, the most held up first; never one that is pinned to its crew.

    A crew with empty hands is never held up: it is about to be sent the visit.
    """
    found = (_held(visit, hands.get(visit.crew_id, EMPTY), at) for visit in due if not visit.pinned)
    late = [each for each in found if each.behind_s >= policy.HELD_UP_S]
    return sorted(late, key=lambda each: (-each.behind_s, each.visit.order_id))


def _held(visit: Due, hands: Hands, at: datetime) -> Held:
    if hands == EMPTY:
        return Held(visit, 0, unanswered=False)
    should_leave = visit.arrive_at - timedelta(seconds=visit.travel_s)
    behind_s = int((at - should_leave).total_seconds())
    since = hands.waiting_since
    waited_s = int((at - since).total_seconds()) if since else 0
    return Held(visit, max(behind_s, waited_s), unanswered=waited_s >= behind_s and waited_s > 0)
