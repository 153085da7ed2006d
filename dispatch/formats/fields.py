"""Reading JSON objects strictly: a field that is not known is refused by its name."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch.refused import ProblemRefused, demand


def known_fields(owner: str, given: Any, known: Collection[str], action: str) -> dict[str, Any]:
    """Return the object; raise `field_not_served` for a field outside `known`."""
    demand(
        isinstance(given, Mapping),
        "not_an_object",
        f"{owner} is {type(given).__name__}.",
        "Give a JSON object.",
    )
    foreign = sorted(set(given) - set(known))
    demand(
        not foreign,
        "field_not_served",
        f"{owner}: {', '.join(foreign)}.",
        action,
    )
    return dict(given)


def wanted(owner: str, given: Mapping[str, Any], name: str) -> Any:
    """Return the field; raise `field_missing` when it is absent."""
    if name not in given:
        raise ProblemRefused("field_missing", f"{owner} has no {name}.", f"Give {name}.")
    return given[name]


def whole(owner: str, value: Any) -> int:
    """Return a number that is whole, be it written 3 or 3.0; raise `not_whole_number` otherwise."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    demand(
        number and math.isfinite(value) and value == int(value),
        "not_whole_number",
        f"{owner} is {value!r}.",
        "Give a whole number.",
    )
    return int(value)


def listed(owner: str, value: Any) -> Sequence[Any]:
    """Return a list; raise `not_a_list` for anything else."""
    demand(
        isinstance(value, (list, tuple)),
        "not_a_list",
        f"{owner} is {type(value).__name__}.",
        "Give a JSON list.",
    )
    items: Sequence[Any] = value
    return items


def matrix(owner: str, rows: Any) -> NDArray[np.int32]:
    """Return a square matrix of whole seconds; raise `matrix_malformed` otherwise."""
    try:
        values = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _malformed(owner) from error
    sound = values.ndim == 2 and values.shape[0] == values.shape[1] and np.isfinite(values).all()
    if not sound or (values != np.floor(values)).any() or (np.abs(values) > 2**31 - 1).any():
        raise _malformed(owner)
    return values.astype(np.int32)


def _malformed(owner: str) -> ProblemRefused:
    return ProblemRefused(
        "matrix_malformed",
        f"{owner} is no square matrix of whole seconds.",
        "Give one row and one whole number per place.",
    )
