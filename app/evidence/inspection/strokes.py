"""Signature strokes: what was drawn, by whom, and under which text."""

import hashlib
import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.evidence.inspection.findings import Findings, Rejected, SignedText

_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]{2,}")
MOST_POINTS = 50_000

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Point = tuple[Number, Number, Annotated[int, Field(ge=0, le=3_600_000)]]


class Strokes(BaseModel):
    """A signature as the phone drew it (`application/json`, kind G), beside its picture."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    version: Literal[1]
    language: Literal["zh", "en"]
    """In which the customer read the text."""
    text: Annotated[str, StringConstraints(min_length=1, max_length=5000)]
    """Word for word what was shown above the line: order number, work done, charge."""
    text_sha256: Hash
    """Of the text in UTF-8."""
    signed_by: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    signed_at: AwareDatetime
    picture_sha256: Hash
    """Of the PNG, a file of kind G of the same order."""
    width: int = Field(ge=1, le=10_000)
    height: int = Field(ge=1, le=10_000)
    strokes: Annotated[list[Annotated[list[Point], Field(min_length=1)]], Field(min_length=1)]
    """Each a list of (x, y, milliseconds since the first point)."""


def examine_strokes(data: bytes) -> Findings:
    """Raises Rejected: `undecodable`, or `signed-text-differs` from its hash or language."""
    try:
        said = Strokes.model_validate_json(data)
    except ValidationError as error:
        raise Rejected("undecodable") from error
    points = sum(len(stroke) for stroke in said.strokes)
    if not 2 <= points <= MOST_POINTS:
        raise Rejected("undecodable")
    letters = _HAN if said.language == "zh" else _WORD
    right_text = hashlib.sha256(said.text.encode()).hexdigest() == said.text_sha256
    if not right_text or not letters.search(said.text):
        raise Rejected("signed-text-differs")
    return Findings(
        width=said.width,
        height=said.height,
        taken_at=said.signed_at.isoformat(),
        signature=SignedText(
            language=said.language,
            text=said.text,
            text_sha256=said.text_sha256,
            signed_by=said.signed_by,
            signed_at=said.signed_at.isoformat(),
            picture_sha256=said.picture_sha256,
            strokes=len(said.strokes),
        ),
    )
