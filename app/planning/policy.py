"""What waiting, lateness and refusals weigh in a plan: data in one place, and rules over it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from uuid import UUID


class ClassPrice(NamedTuple):
    """What one service class costs in seconds of price (DOMAIN section 3; figures are ours)."""

    late_per_mille: int
    """Price in thousandths per second after the arrival limit."""
    unserved_s: int
    """Price of leaving it out of the plan, beside all the lateness that a day can hold."""


PRICES: Mapping[str, ClassPrice] = {
    "E1": ClassPrice(12_000, 200_000),
    "E2": ClassPrice(4_000, 60_000),
    "H3": ClassPrice(1_000, 20_000),
    "H4": ClassPrice(800, 15_000),
    "C5": ClassPrice(300, 8_000),
}
DANGER = "E1"
"""Committed at once, whatever the horizon (DOMAIN section 7)."""
DANGER_TRIES = 3
"""Crews that are asked, one after the other, when the guards refuse the first by now."""
VULNERABLE_PER_MILLE = 1_500
"""Old, ill or with infants: lateness weighs half as much again."""
OVERDUE_STEP_S = 3_600
"""Each hour that an order is overdue adds its rate once more."""
MOST_OVERDUE_STEPS = 3
PLANNED_DAY_S = 12 * 3_600
"""The longest lateness within one plan."""

SETUP_S = 300
"""Parking, the door, the stairs: paid once per building."""
SLOT_TOLERANCE_S = 1_800
"""Around an agreed slot when the service profile says nothing (DOMAIN section 3, H4)."""
LEAST_REMAINING_S = 600
"""Work that has outlasted its estimate, or came back from review, is done in this time."""
OVERTIME_S = 3_600
"""How far a route may run beyond the shift."""

DANGER_CREWS = 16
"""Crews that come nearest to danger and are priced for it: further ones come too late anyway."""
DANGER_HELPERS = 8
"""Crews beside them that may take over what gives way."""

INCOME_SPREAD_PER_MILLE = 300
"""Price in thousandths of a second per hundredth of a point by which a crew's expected income per
head differs from the mean: an order of four points weighs two minutes (figure ours)."""

MOVE_S = 60
"""Price of giving a planned order to another crew when its visit begins within NEAR. Until it is
sent only the plan knows of it; ten times as much cost 10 to 15 % of a relaxed day
(docs/benchmarks.md; figure ours)."""
NEAR = timedelta(hours=1)
"""So far ahead people are taken to act on the plan (figure ours)."""
FAR_MOVE_S = 1
"""The same for a later visit: nothing changes for nothing, and whatever is better may come (figure
ours)."""
WAITING_PER_MILLE = 10
"""Price in thousandths of each second that an order with neither slot nor arrival limit waits, if
it takes WAITING_WORK_S. The price falls with the square of the work: if later calls leave no room
for all, those that are put off are the few long ones (docs/benchmarks.md; figure ours)."""
WAITING_WORK_S = 2_400
LEAST_WAITING_WORK_S = 1_200
"""Still shorter work is no more urgent."""
HAND_OVER_S = 600
"""Price of the same at the moment of sending: the crew has it as its next (figure ours)."""
MOST_MOVES = 3
"""Planned orders that one crew may lose to others in one plan, however much it would save: people
have read their day. A crew that is not there any more loses all (figure ours)."""
MOST_AHEAD = 2
"""Orders that a crew may have in SENT and ACCEPTED before it gets another, danger excepted."""
HELD_UP_S = 300
"""A crew that has left an order unanswered for so long is held up: at sending, others are asked
what its due visits would cost them."""
ASKED_FOR = timedelta(minutes=2)
"""So long others are not asked again for the same visit of the same crew, which has waited the same
number of HELD_UP_S: the answer would be the same (figure ours)."""
LONGEST_ANSWER_S = 1_800
"""No longer is a crew expected to go on not answering (figure ours)."""
COMMIT_CREWS = 6
"""Free crews nearest to such a visit that are asked."""
MOST_HELD_UP = 8
"""Such visits that are looked at in one commit step of a station, the most held up first."""
URGENT_BUDGET_S = 1.0
"""While danger waits a plan now is worth more than a better one."""
DANGER_FIRST_S = 2.0
"""Wall seconds that danger has for its insertion before a plan begins because of it: that plan
would compete with it for the machine (figure ours: an insertion takes half a second)."""
STALE_AFTER = timedelta(minutes=5)
"""Business time after which a plan is made anew while orders wait: crews move, shifts begin."""
SILENT_AFTER = timedelta(minutes=15)
"""A crew that nobody has heard of for so long, and that is at no customer's, is not counted on
(DOMAIN section 7): cellars have no signal, so work on site excuses silence."""
LENDING = True
"""Whether stations under the same parent lend each other crews near their common border."""
LENDING_ACROSS_CONTRACTORS = False
"""Whether a contractor's crews may serve orders outside its settlement unit, and others inside."""
LENDING_MINUTES = 10
LENDING_REACH_M = LENDING_MINUTES * 400
"""So near counts as the border: minutes at 24 km/h as the crow flies, a city's pace."""
LENDING_PRICE_S = 900
"""Price of sending a crew to another station's order, so that own crews come first."""
KEPT_PROBLEMS = {True: 3, False: 6}
"""Problems kept per station: of published runs, and of questions of the kind "what if"."""
DEFAULT_HORIZON_S = 12 * 3_600
MOST_ORDERS = 1_500
MOST_CREWS = 150
"""The largest problem, and with it the travel matrix: a larger subtree is planned in steps, every
station for itself and then neighbours in pairs."""
STATION_BUDGET_S = 1.0
"""Least seconds of search per station when a subtree is planned in steps."""

SLOT_LENGTH = timedelta(hours=2)
"""Appointment slots as they are offered to a caller, from opening to closing by the local clock."""
SLOT_OPENS, SLOT_CLOSES = 8, 20
SLOT_DAYS = 2
"""Days offered unless the agent names others: today and tomorrow."""
SLOT_LEAD_DAYS = 7
"""How far ahead a slot can be priced: shifts are rarely written further than a week."""
MOST_SLOTS = 60
MOST_WAITING = 300
"""Waiting orders without a visit that are put into the plan before a slot is priced in it."""

BANS: Mapping[str, timedelta] = {
    "refused": timedelta(hours=12),
    "returned": timedelta(hours=24),
    "accept_expired": timedelta(minutes=10),
}
"""How long a crew that let go of an order in this way is not asked for it again."""


def move_s(ahead_s: float, horizon_s: int = 0) -> int | None:
    """Price of moving a visit that begins so many seconds from now, where it is not the usual one.

    What begins within the commit horizon may be sent by now, and is never far.
    """
    return FAR_MOVE_S if ahead_s > max(NEAR.total_seconds(), horizon_s) else None


def waiting_rate(service_s: int, *, vulnerable: bool = False, waited_s: int = 0) -> int:
    """Price in thousandths per second of waiting for an order that takes so long.

    After a day it comes before short ones called since then, however long it takes: a second of
    its work weighs twice as much as of theirs, and each day more adds that again.
    """
    work_s, days = max(service_s, LEAST_WAITING_WORK_S), waited_s // 86_400
    rate = WAITING_PER_MILLE * WAITING_WORK_S**2 // work_s**2
    if days:
        weights = 1 + min(days, MOST_OVERDUE_STEPS)
        rate = waiting_rate(LEAST_WAITING_WORK_S) * work_s * weights // LEAST_WAITING_WORK_S
    if vulnerable:
        rate = rate * VULNERABLE_PER_MILLE // 1_000
    return max(1, rate)


def unanswered_s(waited_s: int) -> int:
    """How much longer a crew is expected not to answer: as long again as it has not until now."""
    return min(waited_s, LONGEST_ANSWER_S)


def overdue_s(arrive_by: datetime | None, at: datetime) -> int:
    """Seconds since the arrival limit passed; 0 before it, or without one."""
    if arrive_by is None:
        return 0
    return max(0, int((at - arrive_by).total_seconds()))


def late_rate(service_class: str, *, vulnerable: bool, overdue: int) -> int:
    """Price in thousandths per second of lateness; what is overdue already weighs more.

    The lateness of the past is sunk and no part of a plan, so it shows in the rate instead.
    """
    rate = PRICES[service_class].late_per_mille
    if vulnerable:
        rate = rate * VULNERABLE_PER_MILLE // 1_000
    return rate * (1 + min(overdue // OVERDUE_STEP_S, MOST_OVERDUE_STEPS))


def unserved_price(service_class: str, rate: int) -> int:
    """Seconds of price of leaving an order out: more than serving it at the end of the day."""
    return PRICES[service_class].unserved_s + rate * PLANNED_DAY_S // 1_000


def start_window(
    slot: tuple[datetime, datetime] | None, tolerance_s: int, at: datetime, service_class: str
) -> tuple[datetime, datetime] | None:
    """Earliest and latest start of an agreed slot; None without one, for danger, and once missed.

    A slot that has passed binds no more: the customer is then served late rather than never.
    """
    if slot is None or service_class == DANGER:
        return None
    tolerance = timedelta(seconds=tolerance_s)
    opens, closes = slot[0] - tolerance, slot[1] + tolerance
    return None if closes < at else (opens, closes)


def remaining_s(service_s: int, state: str, action: str | None, since_s: int) -> int:
    """Seconds that an order on site still takes; `action` began the current spell of work."""
    if action == "rejected":
        return LEAST_REMAINING_S
    spent_s = since_s if state == "WORKING" else 0
    return max(service_s - spent_s, LEAST_REMAINING_S)


def banned(lost: Iterable[tuple[UUID, str, datetime]], at: datetime) -> frozenset[UUID]:
    """Crews that let go of the order lately, of (crew, why, when)."""
    return frozenset(
        crew_id for crew_id, why, when in lost if why in BANS and at - when < BANS[why]
    )


def usual_slots(
    first: date, last: date, at: datetime, zone: tzinfo
) -> list[tuple[datetime, datetime]]:
    """The slots of these local days that have not begun, in order, in UTC."""
    found = []
    for day in range((last - first).days + 1):
        midnight = datetime.combine(first + timedelta(days=day), time(), zone)
        opens = midnight + timedelta(hours=SLOT_OPENS)
        closes = midnight + timedelta(hours=SLOT_CLOSES)
        while opens + SLOT_LENGTH <= closes:
            if opens >= at:
                found.append((opens.astimezone(UTC), (opens + SLOT_LENGTH).astimezone(UTC)))
            opens += SLOT_LENGTH
    return found
