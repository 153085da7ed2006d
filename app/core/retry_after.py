"""The Retry-After header of whoever we asked."""

LONGEST_DIGITS = 9
"""Thirty years; more digits are nonsense, and would overflow a time."""


def seconds(value: str) -> float | None:
    """Seconds of the header's value; a date or nonsense counts as not given."""
    fine = value.isascii() and value.isdecimal() and len(value) <= LONGEST_DIGITS
    return float(value) if fine else None
