"""Asks engines in order and leaves a failing one alone for a while."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from routing.answers import Fix, Matrix, Route, Snap, Trace
from routing.engine import EngineFailed, NoRoadBetween, RoutingEngine
from routing.places import Place


class BreakerState(StrEnum):
    """Closed lets calls through, open refuses them, half-open tries a single one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class CircuitBreaker:
    """Opens after `threshold` failures in a row; after `rest_s` it lets one call try."""

    now: Callable[[], float]
    threshold: int = 3
    rest_s: float = 30.0
    failures: int = 0
    opened_at_s: float | None = field(default=None, init=False)
    _trying: bool = field(default=False, init=False)

    @property
    def state(self) -> BreakerState:
        """Say how the next call would be met."""
        if self.opened_at_s is None:
            return BreakerState.CLOSED
        rested = self.now() - self.opened_at_s >= self.rest_s
        return BreakerState.HALF_OPEN if rested else BreakerState.OPEN

    def admit(self) -> bool:
        """Say whether a call may pass; in the half-open state only one at a time may."""
        state = self.state
        if state is BreakerState.HALF_OPEN and not self._trying:
            self._trying = True
            return True
        return state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """Note an answer: the circuit closes."""
        self.failures, self.opened_at_s, self._trying = 0, None, False

    def failed(self) -> None:
        """Note a failure: the circuit opens at the threshold, or again after a failed try."""
        self.failures += 1
        if self.failures >= self.threshold:
            self.opened_at_s = self.now()
        self._trying = False

    def abandoned(self) -> None:
        """Note a call that ended without a verdict (cancelled): another may try."""
        self._trying = False


class Fallback:
    """An engine made of engines: the first that answers is believed, and its answer says who.

    An engine whose circuit is open is passed over without being asked. "No road" is an answer,
    not a failure. Raises EngineFailed when no engine answers; put an Estimate last, it never
    fails.
    """

    def __init__(
        self, engines: Sequence[RoutingEngine], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        if not engines:
            raise ValueError("a fallback needs at least one engine")
        self._engines = [(engine, CircuitBreaker(now)) for engine in engines]

    @property
    def states(self) -> list[BreakerState]:
        """Give the state of each engine's circuit, in their order (for health pages)."""
        return [breaker.state for _, breaker in self._engines]

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        """Snap with the first engine that answers."""
        return await self._ask(lambda engine: engine.snap(points))

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Give the matrix of the first engine that answers."""
        return await self._ask(lambda engine: engine.matrix(sources, targets, depart_at))

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Give the route of the first engine that answers; raises NoRoadBetween."""
        return await self._ask(lambda engine: engine.route(points, depart_at))

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Give the drive of the first engine that answers."""
        return await self._ask(lambda engine: engine.match(fixes))

    async def _ask[T](self, question: Callable[[RoutingEngine], Awaitable[T]]) -> T:
        last = EngineFailed("every engine is resting after failures")
        for engine, breaker in self._engines:
            if not breaker.admit():
                continue
            try:
                answer = await question(engine)
            except EngineFailed as failure:
                breaker.failed()
                last = failure
            except NoRoadBetween:
                breaker.succeeded()
                raise
            except BaseException:
                breaker.abandoned()
                raise
            else:
                breaker.succeeded()
                return answer
        raise last
