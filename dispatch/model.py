"""What is to be planned: orders, crews and what things cost.

Every time is a whole number of seconds from the problem's own time zero, never negative; it may
exceed a day. Places are row numbers of the travel matrix. A *price* is in seconds too: one second
of price weighs as much as one second of driving at `travel_per_mille=1000`. A *rate* (price per
second of something) is an integer per mille, so that half a second of price per second is 500 and
nothing here is ever a float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.refused import demand, demand_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One repair order (or one crew's part of a joint one) that asks for a visit.

    The window and the deadline speak of the *start of the work*, after travel and set-up.
    Raises `ProblemRefused` when a value contradicts itself.
    """

    id: str
    place: int
    service_s: int
    priority_penalty: int
    """Price in seconds of leaving the order out of the plan."""
    setup_s: int = 0
    """Paid before the work unless the crew's previous stop was in the same `building`."""
    building: str | None = None
    window: tuple[int, int] | None = None
    """Earliest and latest start, both hard; None when any time will do."""
    earliest_s: int = 0
    """Not before this, whatever the window says (parts arrive, permit opens)."""
    due_s: int | None = None
    """Soft deadline of the start; each second after it costs `late_per_mille`."""
    late_per_mille: int = 0
    waiting_per_mille: int = 0
    """Price of each second from `opens_s` to the start, without `due_s` only: sooner is better."""
    skills: tuple[tuple[str, int], ...] = ()
    """(skill, how many of the crew's members must hold it)."""
    crew_size: int = 1
    """Least number of members the crew must have."""
    area: str | None = None
    """Key into the crews' `area_cost`."""
    pinned_crew: str | None = None
    forbidden_crews: frozenset[str] = frozenset()
    current_crew: str | None = None
    """The crew in the published plan; another one has a price."""
    move_s: int | None = None
    """That price in seconds; None is `Objective.move`."""
    emergency: bool = False
    """Inserted before all others when the plan is built from nothing."""
    income: int = 0
    """Expected piece-rate points of the crew that does it, in hundredths."""
    units: int = 0
    """What the visit takes from the crew's vehicle (parts, canisters), in units of the caller's."""

    def __post_init__(self) -> None:
        name = f"order {self.id}"
        demand_seconds(
            name,
            place=self.place,
            service_s=self.service_s,
            priority_penalty=self.priority_penalty,
            setup_s=self.setup_s,
            earliest_s=self.earliest_s,
            due_s=self.due_s,
            late_per_mille=self.late_per_mille,
            waiting_per_mille=self.waiting_per_mille,
            crew_size=self.crew_size,
            income=self.income,
            units=self.units,
            move_s=self.move_s,
        )
        if self.window is not None:
            demand_seconds(name, window_opens=self.window[0], window_closes=self.window[1])
            demand(
                self.window[0] <= self.window[1],
                "window_reversed",
                f"{name}: the window closes at {self.window[1]} before it opens.",
                "Give (earliest, latest) start.",
            )
        demand(
            self.due_s is None or not self.waiting_per_mille,
            "waiting_with_deadline",
            f"{name}: due_s is {self.due_s} and waiting_per_mille {self.waiting_per_mille}.",
            "Price the waiting of orders without a deadline only.",
        )
        _demand_skills(name, dict(self.skills), len(self.skills))
        demand(
            self.crew_size >= 1,
            "crew_size_below_one",
            f"{name}: crew_size is {self.crew_size}.",
            "Ask for at least one member.",
        )

    @property
    def opens_s(self) -> int:
        """The earliest start that window and availability allow."""
        return max(self.earliest_s, self.window[0] if self.window else 0)

    @property
    def delay_price(self) -> tuple[int, int]:
        """From when on a later start costs (lateness or waiting), and its price in thousandths."""
        if self.due_s is None:
            return self.opens_s, self.waiting_per_mille
        return self.due_s, self.late_per_mille


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A rest of `duration_s` that starts in `earliest_s..latest_s`, between two stops.

    It may interrupt a drive, never work. A crew with at least one visit owes it; it is dropped
    when its latest start has passed before the crew becomes available.
    """

    earliest_s: int
    latest_s: int
    duration_s: int

    def __post_init__(self) -> None:
        demand_seconds(
            "break",
            earliest_s=self.earliest_s,
            latest_s=self.latest_s,
            duration_s=self.duration_s,
        )
        demand(
            self.earliest_s <= self.latest_s and self.duration_s > 0,
            "break_reversed",
            f"break {self.earliest_s}..{self.latest_s} of {self.duration_s} s cannot be taken.",
            "Give earliest <= latest start and a positive duration.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """The unit that is planned: one vehicle, one or more people, one shift.

    Work that has started is no part of the problem: it shows as `available_from_s`,
    `available_at` and `in_building`. `locked` orders (sent and accepted) come first, in this order;
    no hard rule but their earliest start binds them, since they are facts already.
    """

    id: str
    start_place: int
    shift: tuple[int, int]
    end_place: int | None = None
    """Where the crew must be at the end; None when it may stop at its last order. Who has set out
    (`available_at`) drives there without another order, too."""
    overtime_s: int = 0
    """How far beyond the shift's end the route may run at all; its use has a price."""
    breaks: tuple[Break, ...] = ()
    skills: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Skill -> members who hold it with a certificate that is valid now."""
    size: int = 1
    area_cost: Mapping[str, int] = field(default_factory=dict, hash=False)
    """`Order.area` -> price in seconds of sending this crew there; absent means free."""
    load_s: int = 0
    """Work already done in the period over which workload is to be fair."""
    available_from_s: int = 0
    available_at: int | None = None
    """Place after the started work; None means that it has not set out from `start_place`."""
    in_building: str | None = None
    """Building where the crew is inside now: no set-up there for its next order."""
    locked: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ()
    """Orders for this crew alone, in this relative order; others may come between."""
    income: int = 0
    """Piece-rate points earned so far in the period, in hundredths."""
    capacity: int | None = None
    """Units that the vehicle holds for the whole route; None when they never run out."""

    def __post_init__(self) -> None:
        name = f"crew {self.id}"
        demand_seconds(
            name,
            start_place=self.start_place,
            end_place=self.end_place,
            shift_start=self.shift[0],
            shift_end=self.shift[1],
            overtime_s=self.overtime_s,
            size=self.size,
            load_s=self.load_s,
            available_from_s=self.available_from_s,
            available_at=self.available_at,
            income=self.income,
            capacity=self.capacity,
            **{f"area_cost[{area}]": cost for area, cost in self.area_cost.items()},
        )
        demand(
            self.shift[0] < self.shift[1],
            "shift_reversed",
            f"{name}: the shift ends at {self.shift[1]}, not after its start.",
            "Give (start, end) with start < end.",
        )
        demand(
            self.size >= 1,
            "crew_size_below_one",
            f"{name}: size is {self.size}.",
            "A crew has at least one member.",
        )
        _demand_skills(name, self.skills, len(self.skills))
        _demand_breaks(name, self)

    @property
    def ready_s(self) -> int:
        """The first second at which the crew can leave for its next stop."""
        return max(self.shift[0], self.available_from_s)

    @property
    def ready_place(self) -> int:
        """Where the crew is at `ready_s`."""
        return self.start_place if self.available_at is None else self.available_at

    @property
    def is_away(self) -> bool:
        """Whether the crew drives to its end place even if it gets no order."""
        return self.end_place is not None and self.available_at is not None

    @property
    def hard_end_s(self) -> int:
        """The last second of overtime."""
        return self.shift[1] + self.overtime_s

    @property
    def owed_breaks(self) -> tuple[Break, ...]:
        """The breaks still ahead of the crew."""
        return tuple(rest for rest in self.breaks if rest.latest_s >= self.ready_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a plan costs beside unserved orders, lateness and waiting, which the orders price."""

    travel_per_mille: int = 1000
    """Rate per second driven."""
    overtime_per_mille: int = 2000
    """Rate per second after the shift's end."""
    move: int = 600
    """Price in seconds of giving a published order to another crew (stability), unless the order
    has one of its own."""
    spread_per_mille: int = 100
    """Rate per second by which a crew's workload differs from the mean of all (fairness)."""
    income_spread_per_mille: int = 0
    """Rate per hundredth point by which a crew's expected income differs from the mean of all."""
    most_moves: int | None = None
    """Published orders that one crew may lose to others in one plan; None when any number.

    Accepted and pinned orders do not count: people have decided about them.
    """

    def __post_init__(self) -> None:
        demand_seconds(
            "objective",
            travel_per_mille=self.travel_per_mille,
            overtime_per_mille=self.overtime_per_mille,
            move=self.move,
            spread_per_mille=self.spread_per_mille,
            income_spread_per_mille=self.income_spread_per_mille,
            most_moves=self.most_moves,
        )


def _demand_skills(name: str, skills: Mapping[str, int], named: int) -> None:
    counts = all(isinstance(count, int) and count >= 1 for count in skills.values())
    demand(
        counts and named == len(skills),
        "skill_count",
        f"{name}: {dict(skills)} of {named} skills.",
        "Name each skill once, with a count of at least one.",
    )


def _demand_breaks(name: str, crew: Crew) -> None:
    ordered = all(
        before.latest_s + before.duration_s <= after.earliest_s
        for before, after in zip(crew.breaks, crew.breaks[1:], strict=False)
    )
    demand(
        ordered,
        "breaks_overlap",
        f"{name}: a break may still run when the next one may start.",
        "Sort the breaks and keep their spans apart.",
    )
    inside = all(
        crew.shift[0] <= rest.earliest_s and rest.earliest_s + rest.duration_s <= crew.hard_end_s
        for rest in crew.breaks
    )
    demand(
        inside,
        "break_outside_shift",
        f"{name}: a break cannot be taken between {crew.shift[0]} and {crew.hard_end_s}.",
        "Leave out breaks that lie outside this crew's shift.",
    )
