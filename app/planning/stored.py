"""A run's problem and plan in a compact form, for questions that come after it."""

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import numpy as np
from pydantic import PlainSerializer, TypeAdapter

import dispatch
from app.planning.snapshot import Snapshot

LARGEST_BYTES = 16_000_000
"""A problem that packs to more is not kept: some 3,000 orders."""
_LENGTH_BYTES = 4


def _by_name(plan: dispatch.Plan) -> dict[str, Any]:
    """The plan with the fields of its visits by name: what is kept outlives their order."""
    told = asdict(plan)
    for route in told["routes"]:
        for name in ("visits", "breaks"):
            route[name] = [each._asdict() for each in route[name]]
    return told


@dataclass(frozen=True)
class _Text:
    """All but the travel times, as JSON."""

    at: datetime
    order_ids: dict[str, UUID]
    crew_ids: dict[str, UUID]
    orders: tuple[dispatch.Order, ...]
    crews: tuple[dispatch.Crew, ...]
    objective: dispatch.Objective
    plan: Annotated[dispatch.Plan, PlainSerializer(_by_name)]
    places: int


_TEXT = TypeAdapter(_Text)


@dataclass(frozen=True, slots=True)
class Asked:
    """A problem with its plan, its time zero, and whose names are in it."""

    at: datetime
    problem: dispatch.Problem
    plan: dispatch.Plan
    order_ids: Mapping[str, UUID]
    crew_ids: Mapping[str, UUID]

    @classmethod
    def of(cls, snapshot: Snapshot, problem: dispatch.Problem, plan: dispatch.Plan) -> "Asked":
        """Of a run; accepted orders are known by name as waiting ones are."""
        jobs = [*snapshot.jobs, *(held.job for crew in snapshot.crews for held in crew.held)]
        jobs += [each.job for each in snapshot.elsewhere]
        return cls(
            at=snapshot.at,
            problem=problem,
            plan=plan,
            order_ids={job.serial: job.id for job in jobs},
            crew_ids=snapshot.crew_ids,
        )

    @property
    def planned(self) -> list[UUID]:
        """Orders that the plan gave to a crew; what a crew had already was no choice."""
        had = self.problem.locked_crew.keys() | {n for c in self.problem.crews for n in c.sequence}
        chosen = [name for name in self.plan.crew_of if name not in had]
        return sorted(self.order_ids[name] for name in chosen)


def packed(asked: Asked) -> bytes | None:
    """The compact form, or None when it is too large to keep."""
    text = _TEXT.dump_json(
        _Text(
            at=asked.at,
            order_ids=dict(asked.order_ids),
            crew_ids=dict(asked.crew_ids),
            orders=asked.problem.orders,
            crews=asked.problem.crews,
            objective=asked.problem.objective,
            plan=asked.plan,
            places=asked.problem.travel.shape[0],
        )
    )
    length = len(text).to_bytes(_LENGTH_BYTES, "big")
    body = zlib.compress(length + text + asked.problem.travel.tobytes(), level=1)
    return body if len(body) <= LARGEST_BYTES else None


def unpacked(body: bytes) -> Asked:
    """What was packed."""
    whole = zlib.decompress(body)
    end = _LENGTH_BYTES + int.from_bytes(whole[:_LENGTH_BYTES], "big")
    text = _TEXT.validate_json(whole[_LENGTH_BYTES:end])
    travel = np.frombuffer(whole, dtype=np.int32, offset=end).reshape(text.places, text.places)
    problem = dispatch.Problem(
        orders=text.orders, crews=text.crews, travel=travel, objective=text.objective
    )
    return Asked(text.at, problem, text.plan, text.order_ids, text.crew_ids)
