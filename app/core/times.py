"""Instants that clients name: with an offset, and of a year that can be meant."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)


def can_be_meant(value: datetime) -> bool:
    """Whether a right clock could show it."""
    return 2000 <= value.year < 2100


def _in_our_century(value: datetime) -> datetime:
    if not can_be_meant(value):
        raise ValueError("the year must be from 2000 to 2099")
    return value.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_century)]
"""An instant with an offset; kept in UTC. Years that a database or a sum of times could not
hold are refused where they come in."""

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)
_OF_FIVE_DIGITS = re.compile(r"^([+-])[0-9]{6}-")
"""How ECMAScript writes years before 0 and after 9999."""


def _as_shown(value: Any, read: ValidatorFunctionWrapHandler) -> datetime:
    if isinstance(value, str) and (far := _OF_FIVE_DIGITS.match(value)):
        return _FIRST if far[1] == "-" else _LAST
    at: datetime = read(value)
    if not _FIRST.year <= at.year < _LAST.year:
        return _FIRST if at.year < _FIRST.year else _LAST
    return at


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


ShownTime = Annotated[AwareDatetime, WrapValidator(_as_shown)]
"""What a phone's clock shows, with its own offset. A flat battery shows 1970: no year is refused,
and one that no database could hold becomes 1900 or 2500."""
PhoneMoment = Annotated[ShownTime, AfterValidator(_in_utc)]
"""The same as an instant in UTC."""


def _or_nothing(value: Any, read: ValidatorFunctionWrapHandler) -> datetime | None:
    try:
        at: datetime | None = read(value)
    except ValidationError:
        return None
    return at


PhoneMomentIfAny = Annotated[PhoneMoment | None, WrapValidator(_or_nothing)]
"""One that says little enough to do without it when it cannot be read."""

_SHOWN: TypeAdapter[datetime] = TypeAdapter(ShownTime)


def shown(said: str) -> datetime | None:
    """A clock as it was told in a header, with its offset; None when that is no time at all."""
    try:
        return _SHOWN.validate_python(said)
    except ValidationError:
        return None
