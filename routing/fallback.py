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

    An engine whose circuit is open is passed over without being asked; matching has a circuit of
    its own, so that long traces do not take the roads from plans. "No road" is an answer, not a
    failure. `log` hears when an engine first fails, when it is left alone, and when it is back.
    Raises EngineFailed when no engine answers; put an Estimate last, it never fails.
    """

    def __init__(
        self,
        engines: Sequence[RoutingEngine],
        *,
        now: Callable[[], float] = time.monotonic,
        log: Callable[[str], None] | None = None,
    ) -> None:
        if not engines:
            raise ValueError("a fallback needs at least one engine")
        self._tables = [(engine, CircuitBreaker(now)) for engine in engines]
        self._matching = [(engine, CircuitBreaker(now)) for engine in engines]
        self._log = log or (lambda _line: None)

    @property
    def states(self) -> list[BreakerState]:
        """Give the state of each engine's circuit for tables and routes, in their order."""
        return [breaker.state for _, breaker in self._tables]

    async def snap(self, points: Sequence[Place]) -> list[Snap]:
        """Snap with the first engine that answers."""
        return await self._ask(self._tables, lambda engine: engine.snap(points))

    async def matrix(
        self, sources: Sequence[Place], targets: Sequence[Place], depart_at: datetime
    ) -> Matrix:
        """Give the matrix of the first engine that answers."""
        return await self._ask(
            self._tables, lambda engine: engine.matrix(sources, targets, depart_at)
        )

    async def route(self, points: Sequence[Place], depart_at: datetime) -> Route:
        """Give the route of the first engine that answers; raises NoRoadBetween."""
        return await self._ask(self._tables, lambda engine: engine.route(points, depart_at))

    async def match(self, fixes: Sequence[Fix]) -> Trace:
        """Give the drive of the first engine that answers."""
        return await self._ask(self._matching, lambda engine: engine.match(fixes))

    async def _ask[T](
        self,
        engines: Sequence[tuple[RoutingEngine, CircuitBreaker]],
        question: Callable[[RoutingEngine], Awaitable[T]],
    ) -> T:
        last = EngineFailed("every engine is resting after failures")
        for engine, breaker in engines:
            if not breaker.admit():
                continue
            try:
                answer = await question(engine)
            except EngineFailed as failure:
                self._failed(engine, breaker, failure)
                last = failure
            except NoRoadBetween:
                self._answered(engine, breaker)
                raise
            except BaseException:
                breaker.abandoned()
                raise
            else:
                self._answered(engine, breaker)
                return answer
        raise last

    def _failed(self, engine: RoutingEngine, breaker: CircuitBreaker, why: EngineFailed) -> None:
        name, before = type(engine).__name__, breaker.failures
        breaker.failed()
        if not before:
            self._log(f"ALERT {name} failed, another engine answers: {why}")
        elif before + 1 == breaker.threshold:
            self._log(f"ALERT {name} is left alone for {breaker.rest_s:.0f} s at a time: {why}")

    def _answered(self, engine: RoutingEngine, breaker: CircuitBreaker) -> None:
        if breaker.failures:
            self._log(f"{type(engine).__name__} answers again")
        breaker.succeeded()
