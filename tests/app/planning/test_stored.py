"""A run's problem and plan come back from their compact form as they went in."""

import zlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np
import pytest

import dispatch
from app.planning import stored
from app.planning.stored import Asked, packed, unpacked


def asked() -> Asked:
    problem = dispatch.Problem(
        orders=(
            dispatch.Order(
                id="o1",
                place=1,
                service_s=600,
                priority_penalty=9_000,
                window=(0, 5_000),
                skills=(("HP1", 1),),
                forbidden_crews=frozenset({"c2"}),
                area="S01",
            ),
            dispatch.Order(id="o2", place=1, service_s=60, priority_penalty=10, skills=(("X", 1),)),
        ),
        crews=(
            dispatch.Crew(
                id="c1",
                start_place=0,
                shift=(0, 7_200),
                skills={"HP1": 2},
                area_cost={"S02": 60},
                breaks=(dispatch.Break(earliest_s=600, latest_s=900, duration_s=300),),
            ),
            dispatch.Crew(id="c2", start_place=1, shift=(0, 7_200)),
        ),
        travel=np.array([[0, 300], [300, 0]], dtype=np.int32),
        objective=dispatch.Objective(move=77),
    )
    plan = dispatch.replan(problem, {"c1": ["o1"]})
    ids = {"o1": uuid4(), "o2": uuid4()}
    crews = {"c1": UUID(int=1), "c2": UUID(int=2)}
    return Asked(datetime(2026, 1, 15, tzinfo=UTC), problem, plan, ids, crews)


class TestStored:
    def test_comes_back_and_still_passes_the_check(self) -> None:
        before = asked()
        body = packed(before)
        assert body is not None
        after = unpacked(body)
        assert after.problem.orders == before.problem.orders
        assert after.problem.crews == before.problem.crews
        assert after.problem.objective == before.problem.objective
        assert (after.problem.travel == before.problem.travel).all()
        assert after.plan.routes == before.plan.routes
        assert after.plan.unassigned["o2"][0].code == "no_skill"
        assert (after.at, after.order_ids) == (before.at, before.order_ids)
        assert dispatch.check(after.problem, after.plan) == []
        assert after.planned == [before.order_ids["o1"]]

    def test_visits_and_breaks_are_kept_by_the_names_of_their_fields(self) -> None:
        body = packed(asked())
        assert body is not None
        text = zlib.decompress(body)
        assert b'"visits":[{"order_id":"o1","travel_s":' in text
        assert b'"breaks":[{"start_s":' in text

    def test_what_is_too_large_is_not_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stored, "LARGEST_BYTES", 100)
        assert packed(asked()) is None
