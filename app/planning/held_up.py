"""Which due visits are held up: their crew has left an order unanswered for too long.

A crew that runs late is no case of it: the next plan, minutes later, counts with that.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.planning import policy
from app.planning.commit_rows import Due, Hands

EMPTY = Hands()


class Held(NamedTuple):
    """A due visit, and how long its crew has not answered what it was sent."""

    visit: Due
    waited_s: int

    @property
    def words(self) -> tuple[str, str]:
        """Chinese and English, as a clause about the crew."""
        minutes = round(self.waited_s / 60)
        return f"已 {minutes} 分钟未接单", f"unanswered for {minutes} min"


def is_free(hands: Hands) -> bool:
    """Whether a crew may be sent an order by plan (DOMAIN section 7); danger asks nobody."""
    return hands.unaccepted == 0 and hands.ahead < policy.MOST_AHEAD


def held_up(due: Iterable[Due], hands: Mapping[UUID, Hands], at: datetime) -> list[Held]:
    """Those whose crew does not answer, the longest wait first; never one pinned to its crew.

    Danger is not among them: it goes to its crew at once, whatever that has in its hands.
    """
    found = (
        Held(visit, _waited_s(hands.get(visit.crew_id, EMPTY), at))
        for visit in due
        if not visit.pinned and visit.service_class != policy.DANGER
    )
    late = [each for each in found if each.waited_s >= policy.HELD_UP_S]
    return sorted(late, key=lambda each: (-each.waited_s, each.visit.order_id))


def _waited_s(hands: Hands, at: datetime) -> int:
    since = hands.waiting_since
    return int((at - since).total_seconds()) if since else 0
