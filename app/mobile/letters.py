"""The letters of evidence as a phone shows them (DOMAIN section 4)."""

from typing import Any

from app.completions.policy import POSSIBLE
from app.core.i18n import Text
from app.evidence.policy import OUTCOMES, media_allowed, needed

NAMES: dict[str, Text] = {
    "A": Text("到场照片", "Photo at arrival"),
    "B": Text("处理前照片", "Photo before"),
    "F": Text("处理后照片", "Photo after"),
    "R": Text("室温读数", "Room temperature"),
    "T": Text("供回水温度", "Supply and return temperature"),
    "P": Text("压力读数", "Pressure"),
    "V": Text("电压读数", "Voltage"),
    "I": Text("电流或绝缘读数", "Current or insulation"),
    "M": Text("表号与示数", "Meter number and reading"),
    "G": Text("客户签字", "Customer's signature"),
    "C": Text("视频", "Video"),
    "W": Text("工作票或抢修单", "Work permit or emergency sheet"),
    "X": Text("报价与客户同意", "Quote and consent"),
}


def letters() -> list[dict[str, Any]]:
    """Every letter, as `EvidenceLetter`."""
    return [
        {
            "letter": letter,
            "name": {"zh": name.zh, "en": name.en},
            "media_types": sorted(media_allowed(letter)),
            "reading_units": list(POSSIBLE.get(letter, ())),
        }
        for letter, name in NAMES.items()
    ]


def outcomes() -> list[dict[str, Any]]:
    """Which letters each outcome still has to show, as `OutcomeRule`."""
    every = frozenset(NAMES)
    rules = []
    for outcome in sorted(OUTCOMES):
        files, readings = needed(every, outcome)
        rules.append({"outcome": outcome, "letters": sorted(files | readings)})
    return rules
