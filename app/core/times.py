"""Instants that clients name: with an offset, and of a year that can be meant."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_our_century(value: datetime) -> datetime:
    if not 2000 <= value.year < 2100:
        raise ValueError("the year must be from 2000 to 2099")
    return value.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_century)]
"""An instant with an offset; kept in UTC. Years that a database or a sum of times could not
hold are refused where they come in."""
