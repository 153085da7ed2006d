"""Rate cards: the shipped one, what is refused, and that two never overlap."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.completions.policy import LEADER_SHARE
from app.payouts.card import CardRules
from app.payouts.errors import RateCardInvalid
from app.payouts.load import card_from, load_default_rate_card
from app.payouts.models import RateCard
from tests.app.payouts.cards import RULES, card, without_cards


class TestShippedCard:
    async def test_is_loaded_once(self, session: AsyncSession) -> None:
        await load_default_rate_card(session)
        await load_default_rate_card(session)
        (loaded,) = (await session.exec(select(RateCard))).all()
        assert (loaded.name, loaded.point_minor) == ("P proposal 2026", 500)
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


class TestReading:
    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ({"outcome_factors": {"fixed": "1"}}, "outcome_factors"),
            ({"outcome_factors": RULES["outcome_factors"] | {"fixed": 1.0}}, "in quotes"),
            ({"outcome_factors": RULES["outcome_factors"] | {"fixed": "1.5"}}, "between 0 and 1"),
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

    def test_a_fault_in_the_file_is_named_with_its_line(self) -> None:
        with pytest.raises(RateCardInvalid, match="line 2"):
            card_from('name = "x"\neffective_from = tomorrow\n')

    def test_an_unknown_key_is_refused(self) -> None:
        with pytest.raises(RateCardInvalid, match="currency"):
            card_from('name = "x"\ncurrency = "CNY"\n')
