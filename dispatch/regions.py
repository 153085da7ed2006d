"""A city too large for one problem: regions alone, then neighbours in pairs, in the same seconds.

Half of the seconds go to each region for itself. The other half goes to pairs of regions with a
common border, each planned as one problem, warm from what stands, so that they share their crews.
A travel matrix is only ever asked for the places of one step. This module says what is planned
when; whoever knows the places asks `solve` and hands the answer back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dispatch.refused import demand

ALONE_SHARE = 0.5
"""Share of the seconds in which every region is planned for itself."""

Sequences = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Orders and crews that are planned together in any case: a station's."""

    id: str
    orders: tuple[str, ...]
    crews: tuple[str, ...]


class Step(NamedTuple):
    """One or two regions to be planned as one problem, for so many seconds."""

    regions: tuple[str, ...]
    seconds: float


class Group(NamedTuple):
    """What one step plans."""

    orders: frozenset[str]
    crews: tuple[str, ...]
    warm_start: dict[str, tuple[str, ...]]


class City:
    """The regions and what has been planned for them so far.

    Raises `ProblemRefused` for an order or a crew in two regions.
    """

    def __init__(self, regions: Iterable[Region], standing: Sequences | None = None) -> None:
        """`standing` is the plan that is in force, crew id -> order ids."""
        self._regions = {region.id: region for region in regions}
        names = [name for region in self._regions.values() for name in region.orders]
        crews = [name for region in self._regions.values() for name in region.crews]
        for kind, given in (("order", names), ("crew", crews)):
            demand(
                len(set(given)) == len(given),
                "in_two_regions",
                f"Some {kind} is in two regions.",
                f"Give each {kind} to one region.",
            )
        self._orders, self._crews = frozenset(names), crews
        self._taken: dict[str, tuple[str, ...]] = {}
        self.take(standing or {})

    @property
    def sequences(self) -> dict[str, tuple[str, ...]]:
        """Crew id -> order ids of the whole city."""
        return {crew: self._taken.get(crew, ()) for crew in self._crews}

    def group(self, regions: Sequence[str]) -> Group:
        """Their crews, their orders without what others have taken, and what they took."""
        crews = tuple(crew for name in regions for crew in self._regions[name].crews)
        own = {order for name in regions for order in self._regions[name].orders}
        mine = {order for crew in crews for order in self._taken.get(crew, ())}
        others = {order for route in self._taken.values() for order in route} - mine
        warm = {crew: self._taken.get(crew, ()) for crew in crews}
        return Group(frozenset((own | (mine & self._orders)) - others), crews, warm)

    def take(self, sequences: Sequences) -> None:
        """From now on these crews have these orders."""
        self._taken |= {crew: tuple(names) for crew, names in sequences.items()}

    def size(self, regions: Sequence[str]) -> tuple[int, int]:
        """How many orders and crews these regions have."""
        asked = [self._regions[name] for name in regions]
        return sum(len(one.orders) for one in asked), sum(len(one.crews) for one in asked)

    def steps(
        self, borders: Iterable[tuple[str, str]], seconds: float, *, most: tuple[int, int]
    ) -> Iterator[Step]:
        """Every region alone, then pairs that have a border, in rounds without a region twice.

        The seconds are shared by the number of orders. A pair with more than `most` orders and
        crews stays apart; regions without orders or crews have nothing to plan alone.
        """
        alone = [(name,) for name in self._regions if all(self.size((name,)))]
        pairs = [pair for pair in _in_rounds(borders) if self._worth(pair, most)]
        share = ALONE_SHARE if pairs else 1.0
        yield from self._timed(alone, share * seconds)
        yield from self._timed(pairs, (1 - share) * seconds)

    def _worth(self, pair: tuple[str, str], most: tuple[int, int]) -> bool:
        orders, crews = self.size(pair)
        return 0 < orders <= most[0] and 0 < crews <= most[1]

    def _timed(self, groups: Sequence[tuple[str, ...]], seconds: float) -> Iterator[Step]:
        sizes = [self.size(names)[0] for names in groups]
        for names, size in zip(groups, sizes, strict=True):
            yield Step(names, seconds * size / sum(sizes))


def _in_rounds(borders: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs so that neighbours of one region come as far apart as can be."""
    rounds: list[list[tuple[str, str]]] = []
    for pair in dict.fromkeys(borders):
        free = [each for each in rounds if not {name for other in each for name in other} & {*pair}]
        if not free:
            rounds.append([pair])
        else:
            free[0].append(pair)
    return [pair for each in rounds for pair in each]
