"""The commit step's candidates beside the plan's crews, and which of those chosen still pay."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core import clock
from app.planning import policy
from app.planning.context import Planner
from app.planning.held_up import Held
from app.planning.takers import Takers, Taking, takers_of

log = logging.getLogger(__name__)


class Offer(NamedTuple):
    """A held-up visit, and what the free crews near it would take it for, the cheapest first."""

    held: Held
    takers: Takers
    asked: Sequence[Taking]

    def crew_id(self, taking: Taking) -> UUID:
        return self.takers.setting.snapshot.crew_ids[taking.there.crew_id]

    @property
    def worth_it(self) -> dict[UUID, Taking]:
        """Crew -> its taking, of those that save more than the price of the move."""
        return {self.crew_id(each): each for each in self.asked if each.saved_s > 0}


Offers = Mapping[UUID, Offer]
"""Order -> its offer."""


class Lately:
    """Held-up visits for which others were asked in the last two minutes, in this process.

    What the answer was is not kept: whoever was worth asking was sent the visit.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[UUID, UUID, int], datetime] = {}

    def open(self, held: Sequence[Held], at: datetime) -> list[Held]:
        """Those for which nobody was asked; what is older is forgotten."""
        self._asked = {
            key: then for key, then in self._asked.items() if at - policy.ASKED_FOR < then <= at
        }
        return [each for each in held if self._key(each) not in self._asked]

    def note(self, held: Sequence[Held], at: datetime) -> None:
        """Others are asked for these."""
        self._asked.update({self._key(each): at for each in held})

    @staticmethod
    def _key(held: Held) -> tuple[UUID, UUID, int]:
        return held.visit.order_id, held.visit.crew_id, held.waited_s // policy.HELD_UP_S


_LATELY = Lately()


async def offers_of(planner: Planner, held: Sequence[Held]) -> Offers:
    """Ask near-by free crews for the most held up of these visits, station by station.

    Nothing is asked, not even the database, when none is held up, or others were asked for it
    lately. A station whose crews cannot be asked keeps its plan.
    """
    now = clock.now()
    found: dict[UUID, Offer] = {}
    by_station: dict[UUID, list[Held]] = defaultdict(list)
    for each in _LATELY.open(held, now):
        by_station[each.visit.station_id].append(each)
    for station_id, all_of_it in by_station.items():
        some = all_of_it[: policy.MOST_HELD_UP]
        _LATELY.note(some, now)
        try:
            takers = await takers_of(planner, station_id, [each.visit for each in some])
            if takers is not None:
                found |= await asyncio.to_thread(_offers, takers, some)
        except Exception:
            log.exception("no crew of station %s could be asked for held-up visits", station_id)
    return found


def _offers(takers: Takers, held: Sequence[Held]) -> dict[UUID, Offer]:
    return {
        each.visit.order_id: Offer(each, takers, takers.takings(serial))
        for each in held
        if (serial := takers.still(each.visit)) is not None
    }


def agreed(offers: Offers, chosen: Mapping[UUID, UUID]) -> dict[UUID, Taking]:
    """Order -> taking, of the chosen hand-overs that pay together as well, in that order.

    `chosen` is order -> crew. Each was priced by itself; here each is priced again with those
    before it done, the greatest saving first, and the plan with it is checked independently.
    """
    wanted = [(offers[order], crew) for order, crew in chosen.items() if order in offers]
    wanted = [(offer, crew) for offer, crew in wanted if crew in offer.worth_it]
    wanted.sort(key=lambda pair: (-pair[0].worth_it[pair[1]].saved_s, pair[1]))
    found: dict[UUID, Taking] = {}
    for offer, crew_id in wanted:
        now = [each for each in _again(offer) if offer.crew_id(each) == crew_id]
        if now and now[0].saved_s > 0 and offer.takers.take(now[0]):
            found[offer.held.visit.order_id] = now[0]
    return found


def _again(offer: Offer) -> Sequence[Taking]:
    return offer.takers.takings(offer.asked[0].order_id)
