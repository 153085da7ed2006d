"""Shares and readings."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.completions.errors import SharesInvalid
from app.completions.policy import check_shares, default_shares
from app.completions.record import ReadingIn
from app.organisation.service import Member


def crew(*roles: str) -> list[Member]:
    return [Member(uuid4(), uuid4(), role, role) for role in roles]


def split(members: list[Member], *shares: str) -> dict[UUID, Decimal]:
    return {
        member.technician_id: Decimal(share) for member, share in zip(members, shares, strict=True)
    }


class TestDefaultShares:
    @pytest.mark.parametrize(
        ("roles", "shares"),
        [
            (["leader"], ["1"]),
            (["leader", "trainee"], ["1", "0"]),
            (["helper", "leader"], ["0.45", "0.55"]),
            (["leader", "helper", "helper"], ["0.55", "0.225", "0.225"]),
            (["leader", "helper", "trainee"], ["0.55", "0.45", "0"]),
            (["leader", *["helper"] * 7], ["0.5506", *["0.0642"] * 7]),
        ],
    )
    def test_leader_and_helpers_share_as_the_rule_says(
        self, roles: list[str], shares: list[str]
    ) -> None:
        members = crew(*roles)
        assert default_shares(members) == split(members, *shares)

    @given(st.lists(st.sampled_from(["helper", "trainee"]), max_size=30))
    def test_are_always_accepted(self, others: list[str]) -> None:
        members = crew("leader", *others)
        shares = default_shares(members)
        check_shares(shares, members)
        assert sum(shares.values()) == 1


class TestCheckShares:
    @pytest.mark.parametrize(
        "shares",
        [("0.5", "0.4"), ("0.6", "0.5"), ("1", "0"), ("1.2", "-0.2"), ("0.3333", "0.6666")],
    )
    def test_anything_but_the_whole_is_refused(self, shares: tuple[str, str]) -> None:
        members = crew("leader", "helper")
        with pytest.raises(SharesInvalid):
            check_shares(split(members, *shares), members)

    def test_a_trainee_may_have_nothing_but_is_named(self) -> None:
        members = crew("leader", "trainee")
        check_shares(split(members, "1", "0"), members)
        with pytest.raises(SharesInvalid):
            check_shares(split(members[:1], "1"), members)

    def test_a_stranger_has_no_share(self) -> None:
        members = crew("leader", "helper")
        with pytest.raises(SharesInvalid):
            check_shares(split(crew("leader", "helper"), "0.5", "0.5"), members)


class TestReadings:
    @pytest.mark.parametrize(
        ("kind", "value", "unit"),
        [
            ("R", 180, "°C"),
            ("R", 20, "V"),
            ("P", -0.1, "MPa"),
            ("V", 5000, "V"),
            ("M", -1, "kWh"),
            ("I", float("nan"), "A"),
            ("T", float("inf"), "°C"),
            ("R", 20, "°C"),  # of which room?
        ],
    )
    def test_what_no_instrument_shows_is_refused(self, kind: str, value: float, unit: str) -> None:
        with pytest.raises(ValidationError):
            ReadingIn.model_validate({"kind": kind, "value": value, "unit": unit})

    @pytest.mark.parametrize(
        ("kind", "value", "unit"),
        [("T", 48.5, "°C"), ("P", 0.32, "MPa"), ("V", 228, "V"), ("I", 500, "MΩ"), ("M", 0, "m³")],
    )
    def test_what_one_can_show_is_taken(self, kind: str, value: float, unit: str) -> None:
        assert ReadingIn.model_validate({"kind": kind, "value": value, "unit": unit}).value == value

    def test_a_cold_room_is_bad_and_possible(self) -> None:
        cold = {"kind": "R", "value": 9.5, "unit": "°C", "room": "主卧", "device_no": "T-77"}
        assert ReadingIn.model_validate(cold).room == "主卧"
