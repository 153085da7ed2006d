"""Ladders as data: the shipped ones, a company's own, and the one that holds now."""

import tomllib
from datetime import datetime
from importlib import resources
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.notifications.errors import LadderInvalid
from app.notifications.ladder_models import Ladder

Act = Literal["push", "sms", "voice", "chief", "red"]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Strict):
    """What is done when nobody answered for `after_s` business seconds."""

    after_s: int = Field(ge=0, le=86_400)
    acts: list[Act] = Field(min_length=1)


class Quiet(_Strict):
    """Hours without texts and calls, by the company's local time."""

    from_: TimeOfDay = Field(alias="from")
    until: TimeOfDay


class LadderIn(_Strict):
    """One ladder of a file."""

    kinds: list[Literal["new", "changed", "withdrawn", "urged", "rejected"]] = Field(min_length=1)
    classes: list[Literal["E1", "E2", "H3", "H4", "C5"]] = Field(min_length=1)
    keeps_quiet: bool
    burst_s: int = Field(ge=0, le=600)
    steps: list[Step] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        """A ladder begins with a push at once and only goes up; red is its last word.

        Who never hears of a job, or of its loss, must not fade from sight: those ladders end red.
        """
        times = [step.after_s for step in self.steps]
        if times[0] != 0 or self.steps[0].acts != ["push"]:
            raise ValueError("the first step is a push, at once")
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("each step is later than the one before")
        if any("red" in step.acts for step in self.steps[:-1]):
            raise ValueError("only the last step is red")
        if {"new", "withdrawn"} & set(self.kinds) and "red" not in self.steps[-1].acts:
            raise ValueError("a ladder for new or withdrawn jobs ends red")
        return self


class LadderFile(_Strict):
    """A version of all ladders, in force from a day."""

    effective_from: datetime
    source: str
    quiet: Quiet
    ladders: dict[str, LadderIn]

    @model_validator(mode="after")
    def _apart(self) -> Self:
        told = [
            (kind, grade)
            for each in self.ladders.values()
            for kind in each.kinds
            for grade in each.classes
        ]
        if len(told) != len(set(told)):
            raise ValueError("two ladders claim the same kind and class")
        if self.effective_from.tzinfo is None:
            raise ValueError("effective_from needs an offset")
        return self


def ladders_from(text: str) -> list[Ladder]:
    """The rows that a TOML text describes; raises LadderInvalid, with the place if it has one."""
    try:
        read: dict[str, Any] = tomllib.loads(text)
        file = LadderFile.model_validate(read)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise LadderInvalid(str(error)) from error
    return [
        Ladder(
            name=name,
            effective_from=file.effective_from,
            kinds=list(each.kinds),
            classes=list(each.classes),
            steps=[step.model_dump() for step in each.steps],
            burst_s=each.burst_s,
            keeps_quiet=each.keeps_quiet,
            quiet_from=file.quiet.from_,
            quiet_until=file.quiet.until,
            source=file.source,
        )
        for name, each in file.ladders.items()
    ]


async def load(session: AsyncSession, text: str) -> int:
    """Add the ladders of a file that are not there yet; how many. A version is never changed."""
    added = 0
    for row in ladders_from(text):
        query = select(Ladder.id).where(
            Ladder.name == row.name, Ladder.effective_from == row.effective_from
        )
        if (await session.exec(query)).first() is None:
            session.add(row)
            added += 1
    await session.flush()
    return added


async def load_default_ladders(session: AsyncSession) -> None:
    """Add the shipped ladders where they lack; idempotent."""
    shipped = resources.files("app.notifications").joinpath("data", "ladders.toml")
    await load(session, shipped.read_text("utf-8"))


async def ladder_for(
    session: AsyncSession, kind: str, service_class: str, at: datetime
) -> Ladder | None:
    """The newest ladder in force for this kind of message and class; None when nobody must hear."""
    statement = (
        select(Ladder)
        .where(
            col(Ladder.kinds).contains([kind]),
            col(Ladder.classes).contains([service_class]),
            Ladder.effective_from <= at,
        )
        .order_by(col(Ladder.effective_from).desc(), col(Ladder.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def in_force(session: AsyncSession, at: datetime) -> list[Ladder]:
    """The newest version of each ladder that has begun, by name."""
    statement = (
        select(Ladder)
        .ext(distinct_on(col(Ladder.name)))
        .where(Ladder.effective_from <= at)
        .order_by(col(Ladder.name), col(Ladder.effective_from).desc())
    )
    return list((await session.exec(statement)).all())
