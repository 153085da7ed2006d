"""A service policy's rules, read from their stored form and checked."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.catalogue.errors import PolicyInvalid
from app.core.permissions import Role

Seconds = Annotated[int, Field(strict=True, gt=0)]
Count = Annotated[int, Field(strict=True, gt=0)]
Level = Annotated[int, Field(strict=True, ge=1, le=3)]
ClockName = Literal["K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "SAFE"]
Proof = Literal["sms", "signature", "store_entry", "reference", "transfer_note", "warning"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Urging(_Part):
    """How urges merge, when a reply is owed, and how many raise the supervision (24)."""

    merge_s: Seconds
    reply_s: Seconds
    urges_per_level: Count


class ApprovalRules(_Part):
    """When a request that nobody decided goes up."""

    escalate_s: Seconds


class Rebooking(_Part):
    """How often an appointment may move, and for which classes never."""

    most: Count
    never: frozenset[str]


class Step(_Part):
    """So much of a limit is used up: that level supervises."""

    percent: Count
    level: Level


class SupervisionLevel(_Part):
    """Who owes the reply, and how soon."""

    level: Level
    reply_s: Seconds
    answered_by: frozenset[Role]


class Supervision(_Part):
    """When a clock calls for supervision by itself, and who answers (25)."""

    clocks: tuple[ClockName, ...]
    highest_automatic: Level
    steps: tuple[Step, ...]
    levels: tuple[SupervisionLevel, ...]

    @model_validator(mode="after")
    def _complete(self) -> "Supervision":
        if sorted(each.level for each in self.levels) != [1, 2, 3]:
            raise ValueError("supervision.levels must be 1, 2 and 3")
        if any(step.level > self.highest_automatic for step in self.steps):
            raise ValueError("a step goes above supervision.highest_automatic")
        return self

    def of(self, level: int) -> SupervisionLevel:
        return next(each for each in self.levels if each.level == level)


class HoldRule(_Part):
    """One line of the hold table (DOMAIN section 7); gross time always runs."""

    proof: Proof
    longest_s: Seconds
    then: Literal["resume", "cancel", "supervise"]
    approved_by: frozenset[Role]
    clocks: Mapping[ClockName, Literal["paused", "rebased"]]

    @property
    def longest(self) -> timedelta:
        return timedelta(seconds=self.longest_s)


class MessageRules(_Part):
    """What customers are told besides the steps of an order."""

    delay_s: Seconds
    most_attempts: Count
    kept_days: Count = 400
    """Business days after which messages, their attempts and webhooks are forgotten: a year's
    delivery figures stay whole. Alarms, their steps and replies are never forgotten."""


class Policy(_Part):
    """Everything that a policy decides."""

    urging: Urging
    approvals: ApprovalRules
    rebooking: Rebooking
    supervision: Supervision
    holds: Mapping[str, HoldRule]
    messages: MessageRules


class PolicyInForce(_Part):
    """A policy with the name under which events refer to it."""

    id: UUID
    name: str
    effective_from: date
    rules: Policy


def rules_of(name: str, rules: Mapping[str, Any]) -> Policy:
    """The rules as stored; raises PolicyInvalid when one is missing, unknown or absurd."""
    try:
        return Policy.model_validate(rules)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PolicyInvalid(f"{name}: {where}: {first['msg']}") from error


_last_read: dict[UUID, tuple[Mapping[str, Any], Policy]] = {}
"""Rules as stored beside what they mean: they are judged when they change, not at each reading."""


class StoredPolicy(Protocol):
    """A row of `service_policies`."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def rules(self) -> Mapping[str, Any]: ...


def in_force(row: StoredPolicy) -> PolicyInForce:
    known = _last_read.get(row.id)
    if known is None or known[0] != row.rules:
        known = _last_read[row.id] = (row.rules, rules_of(row.name, row.rules))
    return PolicyInForce(
        id=row.id, name=row.name, effective_from=row.effective_from, rules=known[1]
    )
