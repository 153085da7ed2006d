"""Text that people type: what is refused before it can reach a screen or a shell of rows."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _storable(value: str) -> str:
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in value) or "\x7f" in value:
        raise ValueError("control characters are not allowed")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise ValueError("unpaired surrogates are not text")
    return value


Printable = AfterValidator(_storable)
"""No control characters and no halves of letters: what a database and a screen can hold."""

Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Printable,
]
"""One short line: a name, a reason."""

Paragraph = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=4000),
    Printable,
]
"""Free text such as a description."""

Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9\- ]{4,19}$")
]
"""A dialable number."""

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,39}$")]
"""A code of the company's own, such as a station's."""


def masked_phone(phone: str | None) -> str | None:
    """`139****1234`: the last four digits and the first three; short numbers keep two."""
    if phone is None:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else f"****{phone[-2:]}"
