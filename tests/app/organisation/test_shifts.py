"""Shifts over HTTP, and which times cannot be meant."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.organisation.errors import ShiftNotValid
from app.organisation.policy import check_shift
from tests.conftest import Headers
from tests.factories.world import NOW, World


def shift(world: World, crew: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"crew_id": str(world.crews[crew]), "starts_at": start, "ends_at": end, **more}


class TestCreateShift:
    async def test_is_kept_in_utc_with_its_breaks(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        rest = {
            "from": "2026-01-16T11:30:00+08:00",
            "to": "2026-01-16T13:00:00+08:00",
            "duration_s": 1800,
        }
        body = shift(
            world, "A1", "2026-01-16T08:00:00+08:00", "2026-01-16T18:00:00+08:00", breaks=[rest]
        )
        made = await client.post("/shifts", headers=as_("dispatcher1"), json=body)
        assert made.status_code == 201, made.text
        assert made.json()["starts_at"] == "2026-01-16T00:00:00Z"
        assert made.json()["breaks"][0]["from"] == "2026-01-16T03:30:00Z"
        listed = await client.get(
            "/shifts",
            params={"from": "2026-01-16T00:00:00Z", "to": "2026-01-17T00:00:00Z"},
            headers=as_("dispatcher1"),
        )
        assert [each["id"] for each in listed.json()] == [made.json()["id"]]

    async def test_an_overlap_is_refused_but_a_touching_shift_is_not(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        over = shift(world, "A1", "2026-01-15T18:59:00+08:00", "2026-01-15T23:00:00+08:00")
        answer = await client.post("/shifts", headers=as_("dispatcher1"), json=over)
        assert (answer.status_code, answer.json()["type"]) == (
            409,
            "urn:paigong:problem:shift-overlaps",
        )
        next_ = shift(world, "A1", "2026-01-15T19:00:00+08:00", "2026-01-15T23:00:00+08:00")
        answer = await client.post("/shifts", headers=as_("dispatcher1"), json=next_)
        assert answer.status_code == 201

    async def test_times_that_cannot_be_meant_are_refused(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        for start, end, type_ in (
            ("2026-01-16T18:00:00Z", "2026-01-16T08:00:00Z", "shift-not-valid"),
            ("2026-01-16T08:00:00Z", "2026-01-17T08:00:01Z", "shift-not-valid"),
            ("2026-01-16T08:00:00", "2026-01-16T18:00:00", "invalid-input"),
            ("9999-12-31T23:00:00Z", "9999-12-31T23:30:00Z", "invalid-input"),
        ):
            body = shift(world, "A1", start, end)
            answer = await client.post("/shifts", headers=as_("dispatcher1"), json=body)
            assert answer.status_code == 422, start
            assert answer.json()["type"] == f"urn:paigong:problem:{type_}"

    async def test_a_foreign_crew_is_not_found(
        self, client: httpx.AsyncClient, as_: Headers, world: World
    ) -> None:
        body = shift(world, "B1", "2026-01-16T08:00:00Z", "2026-01-16T18:00:00Z")
        answer = await client.post("/shifts", headers=as_("dispatcher1"), json=body)
        assert answer.status_code == 404


class TestCheckShift:
    @pytest.mark.parametrize(
        "breaks",
        [
            [(-1, 1, 60)],
            [(9, 11, 60)],
            [(4, 4, 60)],
            [(4, 5, 3601)],
            [(4, 6, 60), (5, 7, 60)],
        ],
    )
    def test_a_break_outside_or_over_another_is_refused(
        self, breaks: list[tuple[int, int, int]]
    ) -> None:
        hours = [
            (NOW + timedelta(hours=a), NOW + timedelta(hours=b), seconds)
            for a, b, seconds in breaks
        ]
        with pytest.raises(ShiftNotValid):
            check_shift(NOW, NOW + timedelta(hours=10), hours)

    def test_breaks_apart_are_taken(self) -> None:
        hours = [
            (NOW + timedelta(hours=2), NOW + timedelta(hours=3), 1800),
            (NOW + timedelta(hours=3), NOW + timedelta(hours=4), 3600),
        ]
        check_shift(NOW, NOW + timedelta(hours=10), hours)
