"""Reads rate cards from TOML, and loads the shipped one where a company has none of its own."""

import tomllib
from datetime import date
from importlib import resources
from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.payouts import card_rows
from app.payouts.card import FEN_PER_YUAN, CardRules, faults_of
from app.payouts.errors import RateCardInvalid
from app.payouts.models import RateCard

DEFAULT_CARD = "p_proposal_2026.toml"
_FORMAT = 2
_NEEDED = {"name", "effective_from", "source", "outcome_factors"}
_DATES = ("effective_from", "effective_to")
_OF_ROW = ("name", "effective_from", "effective_to", "source", "point_minor")
_SECTIONS = CardRules.model_fields.keys() - {"name", "point_minor"}


def card_from(text: str) -> RateCard:
    """The card that a TOML text describes; raises RateCardInvalid with every fault and its line."""
    try:
        read: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RateCardInvalid(str(error)) from error
    lines = _lines(text)
    faults = [f"line {lines.get(each, 1)}: unknown {each}" for each in _unknown(read)]
    faults += [f"line 1: {each} is missing" for each in sorted(_NEEDED - read.keys())]
    if faults:
        raise RateCardInvalid("\n".join(faults))
    if read.get("unit") == "fen" and "point_minor" in read:
        raise RateCardInvalid(f"line {lines['point_minor']}: a card in fen has no point_minor")
    said = {key: value for key, value in read.items() if key not in _OF_ROW}
    point_minor = FEN_PER_YUAN if read.get("unit") == "fen" else read.get("point_minor")
    try:
        rules = CardRules.model_validate({"name": read["name"], "point_minor": point_minor} | said)
    except ValidationError as error:
        found = sorted({(_line(lines, place), why) for place, why in faults_of(error)})
        raise RateCardInvalid("\n".join(f"line {line}: {why}" for line, why in found)) from error
    stored = rules.model_dump(mode="json", exclude={"name", "point_minor"})
    return _card(read, rules.point_minor, {"format": _FORMAT} | stored, lines)


def _unknown(read: dict[str, Any]) -> list[str]:
    return sorted(read.keys() - _SECTIONS - set(_OF_ROW))


def _card(
    read: dict[str, Any], point_minor: int, rules: dict[str, Any], lines: dict[str, int]
) -> RateCard:
    from_, to = read["effective_from"], read.get("effective_to")
    wrong = [each for each in _DATES if each in read and type(read[each]) is not date]
    if wrong:
        said = (f"line {lines.get(each, 1)}: {each} is a date, 2026-01-01" for each in wrong)
        raise RateCardInvalid("\n".join(said))
    if to is not None and to <= from_:
        line = lines.get("effective_to", 1)
        raise RateCardInvalid(f"line {line}: effective_to must be after effective_from")
    return RateCard(
        name=read["name"],
        effective_from=from_,
        effective_to=to,
        point_minor=point_minor,
        rules=rules,
        source=str(read["source"]),
    )


def _lines(text: str) -> dict[str, int]:
    """Where each section and key stands: `time.night` -> its line, from 1."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#")[0].strip()
        if bare.startswith("["):
            section = bare.strip("[] ") + "."
            around = section[:-1]
            while around:
                found.setdefault(around, number)
                around = around.rpartition(".")[0]
        elif "=" in bare:
            key = bare.split("=")[0].strip().strip('"')
            found.setdefault(section + key, number)
    return found


def _line(lines: dict[str, int], place: str) -> int:
    """The line of a place, or of the nearest section around it."""
    while place and place not in lines:
        place = place.rpartition(".")[0]
    return lines.get(place, 1)


async def load_default_rate_card(session: AsyncSession) -> None:
    """Add the shipped card unless a card is in force in its time already; idempotent."""
    text = resources.files("app.payouts").joinpath("data", DEFAULT_CARD).read_text("utf-8")
    card = card_from(text)
    if not await card_rows.span_taken(session, card.effective_from, card.effective_to):
        session.add(card)
        await session.flush()
