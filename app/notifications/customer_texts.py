"""The message catalogue for customers: what is told, once or each time, in which words."""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.core import settings
from app.core.i18n import Language, Text
from app.work_orders.states import Action, State

CATALOGUE = "customer_messages.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(_Part):
    """One message; `on` of None is told by the watch over arrivals."""

    on: Action | None = None
    once: bool = False
    link: Literal["visit", "rating"] | None = None
    link_hours: int = 24
    needs_link: bool = False
    """Without a link the message says nothing, so it is not sent."""
    good_for_h: int = 24
    """Business hours; what is older is not sent."""
    true_in: frozenset[State] = frozenset()
    """Where the order must stand for the words to be so; empty: they stay so."""
    of_visit: bool = False
    """It tells of one crew's coming, and of no other's."""
    outdone_by: tuple[str, ...] = ()
    """Kinds of which a later one makes this one yesterday's news."""
    zh: str
    en: str
    zh_link: str = ""
    en_link: str = ""


class Catalogue(_Part):
    """Every message, and the words for what they name."""

    kinds: Mapping[str, Kind]
    reasons: Mapping[str, dict[Language, str]]
    soon: dict[Language, str]

    def told_on(self, action: Action) -> tuple[str, Kind] | None:
        """The message that tells of this action."""
        return next(((name, kind) for name, kind in self.kinds.items() if kind.on is action), None)


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue, read once."""
    folder = resources.files("app.notifications").joinpath("data")
    return Catalogue.model_validate(tomllib.loads(folder.joinpath(CATALOGUE).read_text("utf-8")))


def rendered(
    kind: Kind, language: Language, values: Mapping[str, str], link: str | None
) -> str | None:
    """The whole sentence; None when it lacks the link that it is about."""
    if kind.needs_link and link is None:
        return None
    words = Text(kind.zh, kind.en).of(language)
    if link is not None:
        words += Text(kind.zh_link, kind.en_link).of(language)
    return words.format(**values, link=link or "")


def when(at: datetime | None, language: Language) -> str:
    """A moment in the company's time; `soon` when nobody knows."""
    if at is None:
        return catalogue().soon[language]
    local = at.astimezone(settings.current().zone)
    if language == "zh":
        return f"{local.month}月{local.day}日{local:%H:%M}"
    return f"{local:%d %b %H:%M}"


def slot(starts: datetime | None, ends: datetime | None, language: Language) -> str:
    """A slot on one day as `1月15日10:00-12:00`."""
    if starts is None or ends is None:
        return when(starts, language)
    return f"{when(starts, language)}-{ends.astimezone(settings.current().zone):%H:%M}"
