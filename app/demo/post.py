"""What the stand-ins of push and text providers share: mailboxes, scripts, and counts.

A script says how the next sends to one token, or to any, are answered. `silent` never answers;
`lost` and `duplicated` are accepted and arrive never or twice; `taken` arrives and is answered as
an outage, `unanswered` arrives and is never answered: so a sender comes to send twice.
"""

import asyncio
import random
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

LONGEST_WAIT_S = 30.0
ANY_TOKEN = "*"
ARRIVED = frozenset({"taken", "unanswered"})
"""Sent, though the sender is not told so."""
UNANSWERED = frozenset({"silent", "unanswered"})
FAILURES = frozenset(
    {
        *("unregistered", "sender_mismatch", "quota", "unavailable", "internal", "invalid"),
        *("third_party_auth", "denied", "silent", "lost", "duplicated", "taken"),
        "unanswered",
    }
)


@dataclass(slots=True)
class Failure:
    """One scripted answer."""

    name: str
    retry_after_s: int | None = None


@dataclass(slots=True)
class Post:
    """Everything that the server remembers; lost at its end, as it should be."""

    loss: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    bearers: dict[str, float] = field(default_factory=dict)
    mailboxes: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    scripts: dict[str, deque[Failure]] = field(default_factory=lambda: defaultdict(deque))
    standing: dict[str, Failure] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    """What the text gateway sent, by the sender's key."""
    counts: Counter[str] = field(default_factory=Counter)
    calls: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def failure_for(self, token: str) -> Failure | None:
        """The scripted failure of this send, used up unless it stands until further notice."""
        for name in (token, ANY_TOKEN):
            if self.scripts[name]:
                return self.scripts[name].popleft()
            if name in self.standing:
                return self.standing[name]
        return None

    async def judge(self, token: str, message: dict[str, Any]) -> Failure | None:
        """The failure to answer with, or None once the message was accepted."""
        failure = self.failure_for(token)
        name = failure.name if failure else "accepted"
        if name in ("accepted", "duplicated", *ARRIVED):
            await self.deliver(token, message)
        if name == "duplicated":
            await self.deliver(token, message)
        if name in ("accepted", "duplicated", "lost"):
            self.counts["accepted"] += 1
            self.counts["lost"] += name == "lost"
            return None
        self.counts[f"failed:{name}"] += 1
        return failure

    async def deliver(self, token: str, message: dict[str, Any]) -> None:
        """Put the message in the phone's box, or lose it on the way as radio does."""
        if self.chance.random() < self.loss:
            self.counts["lost"] += 1
            return
        async with self.arrived:
            box = self.mailboxes[token]
            box.append({"n": len(box) + 1, "data": message.get("data", {})})
            self.arrived.notify_all()


def post_of(request: Request) -> Post:
    """What the server behind this request remembers."""
    post: Post = request.app.state.post
    return post
