"""Which of the two languages a reader wants; zh-CN is the default (ARCHITECTURE 2)."""

from typing import Literal, NamedTuple

Language = Literal["zh", "en"]


class Text(NamedTuple):
    """One sentence in both languages."""

    zh: str
    en: str

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


def preferred(accept_language: str | None) -> Language:
    """The better of zh and en by the header's q-values; zh when it says nothing of either."""
    best: tuple[float, Language] = (0.0, "zh")
    for part in (accept_language or "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag.lower().startswith("en") and weight > best[0]:
            best = (weight, "en")
        elif tag.lower().startswith("zh") and weight > best[0]:
            best = (weight, "zh")
    return best[1]
