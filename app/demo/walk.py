"""From a month's total down to one photo: what an auditor asks, one request after the other."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.demo.client import API, Caller

MOST_CALLS = 5
_PEOPLE = 50
Json = dict[str, Any]


class NothingThere(Exception):
    """The walk ended early: a month without a paid order whose photo is kept."""


@dataclass(slots=True)
class Walk:
    """The requests that were made, each with what it answered in one line."""

    auditor: Caller
    steps: list[str] = field(default_factory=list)

    async def down(self, month: str) -> list[str]:
        """Every step of it; raises NothingThere."""
        told = (await self._ask("/payouts/summary", month=month)).json()
        total = told["totals"]["total"]
        self._found(f"{total['amount_minor']} fen in {total['entries']} lines")
        told = (await self._ask("/payouts/statements", month=month, limit=_PEOPLE)).json()
        person, line = best_paid(told["items"])
        self._found(
            f"{person['employee_no']} {person['name']}: {line['amount_minor']} fen for"
            f" {line['serial']}, {line['explanation']}"
        )
        told = (await self._ask(f"/work-orders/{line['order_id']}/evidence")).json()
        photo = a_photo(told["files"])
        self._found(f"{len(told['files'])} files, a photo {photo['kind']} of {photo['taken']}")
        answer = await self._ask(f"/evidence/{photo['id']}")
        digest = hashlib.sha256(answer.content).hexdigest()
        if digest != photo["sha256"]:
            raise NothingThere(f"the photo is not what was declared: {digest}")
        self._found(f"{len(answer.content)} bytes, sha256 {digest[:16]}… as declared on site")
        return self.steps

    async def _ask(self, path: str, **query: Any) -> httpx.Response:
        shown = "&".join(f"{name}={value}" for name, value in query.items())
        self.steps.append(f"GET {API}{path}{'?' if shown else ''}{shown}")
        return await self.auditor.send("GET", path, params=query or None)

    def _found(self, what: str) -> None:
        self.steps[-1] += f"\n    -> {what}"


def best_paid(statements: Iterable[Json]) -> tuple[Json, Json]:
    """Whoever earned most, and the line that pays most of it; raises NothingThere."""
    paid = [each for each in statements if any(line["kind"] == "EARN" for line in each["lines"])]
    if not paid:
        raise NothingThere("nobody earned anything")
    person = max(paid, key=lambda each: int(each["totals"]["total"]["amount_minor"]))
    earned = [line for line in person["lines"] if line["kind"] == "EARN"]
    return person, max(earned, key=lambda line: int(line["amount_minor"]))


def a_photo(files: Iterable[Json]) -> Json:
    """A verified picture of the completion record, of the finished work if there is one, with
    `taken` as it was told; raises NothingThere."""
    photos = [
        each | {"taken": each["captured_at"] or each["declared_at"]}
        for each in files
        if each["state"] == "verified" and each["media_type"] == "image/jpeg"
    ]
    if not photos:
        raise NothingThere("the order was paid without a photo")
    return max(photos, key=lambda each: (each["in_manifest"], each["kind"] == "F"))
