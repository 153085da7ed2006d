"""Rate cards: the shipped one, what is refused, and that two never overlap."""

import json
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.policy import LEADER_SHARE
from app.payouts.card import CardRules
from app.payouts.errors import RateCardInvalid
from app.payouts.expected import Expected
from app.payouts.load import card_from, load_default_rate_card
from app.payouts.models import RateCard
from tests.app.payouts.cards import RULES, card, without_cards


class TestShippedCard:
    async def test_is_loaded_once(self, session: AsyncSession) -> None:
        await load_default_rate_card(session)
        await load_default_rate_card(session)
        (loaded,) = (await session.exec(select(RateCard))).all()
        assert (loaded.name, loaded.point_minor) == ("P proposal 2026-2", 500)
        assert loaded.rules["outcome_factors"]["refused"] == "0.3"
        # The split that completions apply when a crew names none.
        assert loaded.rules["default_shares"]["leader"] == str(LEADER_SHARE)

    async def test_leaves_a_companys_own_card_alone(self, session: AsyncSession) -> None:
        await without_cards(session)
        session.add(card("本公司 2026", date(2026, 3, 1), None, 620))
        await session.flush()
        await load_default_rate_card(session)
        assert [each.name for each in (await session.exec(select(RateCard))).all()] == [
            "本公司 2026"
        ]


class TestOverlap:
    async def test_is_refused_by_the_database(self, session: AsyncSession) -> None:
        await without_cards(session)
        session.add(card("一月", date(2026, 1, 1), date(2026, 2, 1)))
        await session.flush()
        spans = (
            (date(2026, 1, 31), date(2026, 2, 1)),
            (date(2025, 12, 1), None),
            (date(2026, 1, 10), date(2026, 1, 11)),
        )
        for starts, ends in spans:
            with pytest.raises(IntegrityError, match="ex_rate_cards_overlap"):
                async with session.begin_nested():
                    session.add(card("又一", starts, ends))

    async def test_cards_may_touch(self, session: AsyncSession) -> None:
        await without_cards(session)
        session.add(card("一月", date(2026, 1, 1), date(2026, 2, 1)))
        session.add(card("二月", date(2026, 2, 1), None))
        await session.flush()
        assert len((await session.exec(select(RateCard))).all()) == 2


class TestFormat1:
    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ({"outcome_factors": {"fixed": "1"}}, "outcome_factors: needs exactly"),
            ({"outcome_factors": RULES["outcome_factors"] | {"fixed": 1.0}}, "in quotes"),
            (
                {"outcome_factors": RULES["outcome_factors"] | {"fixed": "1.5"}},
                "less than or equal",
            ),
            ({"outcome_factors": RULES["outcome_factors"] | {"fixed": "NaN"}}, "fixed"),
            ({"default_shares": {"leader": "0.55", "helpers": "0.40"}}, "exactly 1"),
            ({"night": "1.3"}, "needs"),
        ],
    )
    def test_rules_that_cannot_be_applied_are_refused(
        self, broken: dict[str, Any], why: str
    ) -> None:
        with pytest.raises(RateCardInvalid, match=why):
            CardRules.of("坏", 500, RULES | broken)

    def test_is_neutral_in_all_that_it_does_not_say(self) -> None:
        rules = CardRules.of("旧", 500, RULES)
        assert (rules.time, rules.distance, rules.difficulty) == (None, None, None)
        assert rules.base_of("H10", Decimal(20)) == 20
        assert not rules.needs_calendar
        assert rules.rework_days.of("heat") == rules.bonuses.first_time_fix == 0


SHIPPED = resources.files("app.payouts").joinpath("data", "p_proposal_2026.toml").read_text("utf-8")


def line_of(text: str, beginning: str) -> int:
    return 1 + next(n for n, line in enumerate(text.splitlines()) if line.startswith(beginning))


class TestFile:
    def test_says_everything_and_survives_the_database(self) -> None:
        card = card_from(SHIPPED)
        rules = CardRules.of(card.name, card.point_minor, json.loads(json.dumps(card.rules)))
        assert rules.time is not None and rules.distance is not None
        assert (rules.time.night, rules.time.rest, rules.time.holiday) == (
            Decimal("1.3"),
            Decimal("1.2"),
            Decimal("1.5"),
        )
        assert [rules.distance.of(zone) for zone in ("urban", "rural", "remote", None)] == [
            0,
            1,
            3,
            0,
        ]
        assert rules.deductions.part("complaint") == Decimal("0.30")
        assert (rules.rework_days.of("heat"), rules.rework_days.of("power")) == (15, 7)
        assert rules.limits.deduction_share == Decimal("0.20")
        assert rules.month.appeal_days == 3

    @pytest.mark.parametrize(
        ("said", "instead", "line", "why"),
        [
            ("effective_from = 2026-01-01", "effective_from = tomorrow", "effective_from", "line"),
            ('night = "1.3"', "night = 1.3", "night = ", "time.night: must be a decimal in quotes"),
            ('night = "1.3"', 'nacht = "1.3"', "nacht", "time.nacht: Extra inputs"),
            ('complaint = "0.30"', 'complaint = "30"', "complaint", "deductions.complaint"),
            ('leader = "0.55"', 'leader = "0.5"', "[default_shares]", "exactly 1"),
            ("heat = 15", "heat = -1", "heat", "rework_days.heat"),
            ('normal = "1"', 'normal = "2"', "[difficulty", "normal = 1"),
            ("# H22 = ", "H22 = ", "", ""),
            ('# H22 = "extreme"', 'H22 = "hellish"', "[difficulty", "unknown grades hellish"),
            ("point_minor = 500", "point_minor = 0", "point_minor", "greater than 0"),
            ('unit = "points"', 'unit = "fen"  ', "point_minor", "in fen has no point_minor"),
            ("[month]", "[moon]", "[moon]", "unknown moon"),
        ],
    )
    def test_a_fault_is_named_with_its_line(
        self, said: str, instead: str, line: str, why: str
    ) -> None:
        assert said in SHIPPED
        text = SHIPPED.replace(said, instead)
        if not why:
            assert card_from(text).rules["difficulty"]["faults"] == {"H22": "extreme"}
            return
        with pytest.raises(RateCardInvalid) as refusal:
            card_from(text)
        assert why in str(refusal.value)
        assert f"line {line_of(text, line)}" in str(refusal.value)

    def test_every_fault_is_told_at_once(self) -> None:
        text = SHIPPED.replace('night = "1.3"', "night = 1.3").replace("heat = 15", "heat = -1")
        with pytest.raises(RateCardInvalid) as refusal:
            card_from(text)
        assert len(str(refusal.value).splitlines()) == 2

    def test_what_is_missing_is_named(self) -> None:
        with pytest.raises(RateCardInvalid, match=r"(?s)unknown currency.*source is missing"):
            card_from('name = "x"\ncurrency = "CNY"\n')
        with pytest.raises(RateCardInvalid, match=r"line \d+: effective_to must be after"):
            card_from(SHIPPED.replace("unit =", "effective_to = 2025-01-01\nunit ="))


class TestReading:
    def test_a_card_in_fen_counts_in_yuan(self) -> None:
        text = SHIPPED.replace('unit = "points"', 'unit = "fen"').replace("point_minor = 500", "")
        text = text.replace('per_catalogue_point = "1"', 'per_catalogue_point = "480"')
        text = text.replace('# H01 = "6"', 'H01 = "3550"').replace('rural = "1"', 'rural = "250"')
        card = card_from(text)
        rules = CardRules.of(card.name, card.point_minor, card.rules)
        assert card.point_minor == 100
        assert rules.base_of("H01", Decimal(6)) == Decimal("35.50")
        assert rules.base_of("H02", Decimal(4)) == Decimal("19.2")
        assert rules.expected_points("H01", Decimal(6), "rural") == Decimal("38")

    def test_what_a_fault_may_bring_is_base_difficulty_and_distance(self) -> None:
        text = SHIPPED.replace('# H22 = "extreme"', 'H22 = "extreme"')
        card = card_from(text)
        rules = CardRules.of(card.name, card.point_minor, card.rules)
        assert rules.expected_points("H22", Decimal(550), "remote") == 828
        assert rules.expected_points("H01", Decimal(6)) == 6
        assert Expected(rules).points("H22", Decimal(550), "remote") == 82_800
        assert Expected(None).points("H22", Decimal(550), "remote") == 55_000
