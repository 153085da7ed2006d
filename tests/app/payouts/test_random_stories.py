"""Two months of a crew, drawn by seeds: product and oracle tell the same, to the last fen."""

from collections import Counter
from datetime import date
from pathlib import Path

from app.core import settings
from tests.app.payouts.book import Said, card_data
from tests.app.payouts.oracle import evaluate
from tests.app.payouts.random_story import CrewsMonths
from tests.app.payouts.story import play
from tests.conftest import settings_for

CARDS = [
    (date(2026, 1, 1), date(2026, 1, 20), card_data({"limits.deduction_share": "0.2"})),
    (date(2026, 1, 20), None, card_data({"point_minor": 333, "limits.deduction_share": "0.002"})),
]


def test_both_tell_the_same(tmp_path: Path) -> None:
    settings.install(settings_for("postgresql://unused", tmp_path))
    kinds: set[str] = set()
    for seed in range(6):
        steps = CrewsMonths(f"seed {seed}", ("li", "wang"), 120).told()
        said = Counter(play(CARDS, steps).said())
        assert said == Counter(Said(*each) for each in evaluate(CARDS, steps)), seed
        kinds |= {line.kind for line in said} | {line.rule for line in said}
    assert {"EARN", "BONUS", "DEDUCT", "REVERSE", "ADJUST", "CARRY"} <= kinds
    assert {"carry-open", "carry-excess", "carry-dropped"} <= kinds
