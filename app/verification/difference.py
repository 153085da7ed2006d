"""What a check found: one stored fact that is not what the events say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject` names whose fact it is; `stored` and `expected` are readable texts."""

    check: str
    subject: str
    stored: str
    expected: str

    def as_dict(self) -> dict[str, str]:
        """JSON-ready."""
        return {
            "check": self.check,
            "subject": self.subject,
            "stored": self.stored,
            "expected": self.expected,
        }

    def __str__(self) -> str:
        return f"[{self.check}] {self.subject}: stored {self.stored}, expected {self.expected}"


def shown(value: Any) -> str:
    """A value as text; instants in UTC, nothing as `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


Unlike = tuple[str, Any, Any]
"""What of a subject: stored, expected."""


def unlike(what: str, stored: Any, expected: Any) -> tuple[Unlike, ...]:
    """One, or none when both are equal; for what is compared too often to name it every time."""
    return () if stored == expected else ((what, stored, expected),)


def differ(check: str, subject: str, stored: Any, expected: Any) -> list[Difference]:
    """One difference, or none when both are equal."""
    if stored == expected:
        return []
    return [Difference(check, subject, shown(stored), shown(expected))]


def differ_in(
    check: str, subject: str, stored: Any, expected: Mapping[str, Any]
) -> list[Difference]:
    """A difference for each attribute of `stored` that is not as in `expected`."""
    return [
        Difference(check, f"{subject} {name}", shown(said), shown(value))
        for name, value in expected.items()
        if (said := getattr(stored, name)) != value
    ]
