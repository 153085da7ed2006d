"""Pure rules of the customer book: how numbers compare, how addresses read."""

import re

FLAGS = ("arrears", "suspension", "alteration", "vulnerable", "key_customer")
BILLING_FLAGS = frozenset({"arrears", "suspension", "alteration"})
"""What the billing system knows and a file may take away again; people note the others."""

_PREFIX = re.compile(r"^(?:\+|00)86(?=1\d{10}$)")


def normal_phone(phone: str) -> str:
    """The number as it is stored and compared: no spaces or dashes, no +86 before a mobile."""
    return _PREFIX.sub("", re.sub(r"[\s\-()]", "", phone))


def address_line(parts: list[str], language: str = "zh") -> str:
    """District, road, number, community, building as one line, empty parts left out.

    Chinese runs together; other languages take spaces.
    """
    return ("" if language == "zh" else " ").join(part for part in parts if part)


def room_line(unit: str, room: str, language: str = "zh") -> str:
    """`2单元301室`, or `unit 2, room 301`; empty for a whole building."""
    if language == "zh":
        return (f"{unit}单元" if unit else "") + (f"{room}室" if room else "")
    return ", ".join(
        part for part in (f"unit {unit}" * bool(unit), f"room {room}" * bool(room)) if part
    )
