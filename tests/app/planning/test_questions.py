"""What-if runs, comparisons and "why this crew"."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from app.core import clock
from app.core.db import Database
from app.planning import policy, run
from app.planning.context import Planner
from tests.app.planning.conftest import Book, Run, SolverHere, Take
from tests.app.planning.test_jobs import queued
from tests.app.planning.test_run import offline
from tests.conftest import Headers
from tests.factories.world import World


def at_noon() -> dict[str, str]:
    noon = clock.now() + timedelta(hours=4)
    return {"starts_at": noon.isoformat(), "ends_at": (noon + timedelta(hours=1)).isoformat()}


@pytest.fixture
def ask(client: httpx.AsyncClient, planner: Planner, world: World, as_: Headers) -> Any:
    """`await ask(changes={...})`: a run of S01, carried out; its answer as the API gives it."""

    async def post(who: str = "dispatcher1", *, publish: bool = False, **body: Any) -> Any:
        asked = await client.post(
            "/planning-runs",
            json={"station_id": str(world.stations["S01"]), "publish": publish} | body,
            headers=as_(who),
        )
        if asked.status_code != 202:
            return asked
        await run.execute(planner, UUID(asked.json()["id"]))
        return await client.get(f"/planning-runs/{asked.json()['id']}", headers=as_(who))

    return post


class TestWhatIf:
    """POST /planning-runs with `publish: false`"""

    async def test_it_answers_and_changes_nothing(
        self, ask: Any, take: Take, plan: Run, book: Book, database: Database, world: World
    ) -> None:
        planned = await take(fault_code="H26", appointment=at_noon())
        await plan()
        before = await book.visit(planned)
        new = await take("锦绣家园3-1-101")
        behind = "SELECT station_id, dirty_seq, planned_seq FROM planning_state"
        async with database.transaction() as session:
            state = (await session.execute(text(behind))).all()
        found = (await ask()).json()
        assert (found["state"], found["publish"], found["planned"]) == ("answered", False, 2)
        assert found["result"]["committed"] == []
        assert set(found["result"]["price"]) >= {"travel", "late", "income"}
        assert "parts" in found["result"]
        assert await book.state(new) == "NEW" and await book.visit(new) is None
        after = await book.visit(planned)
        assert before is not None and after is not None and after.run_id == before.run_id
        async with database.transaction() as session:
            assert (await session.execute(text(behind))).all() == state

    async def test_without_a_crew_its_work_goes_to_others(
        self, ask: Any, take: Take, world: World
    ) -> None:
        await take()
        away = [str(world.crews["A1"]), str(world.crews["A2"])]
        found = (await ask(changes={"without_crews": away})).json()
        assert [route["crew_code"] for route in found["result"]["routes"]] == ["A3"]
        assert len(found["result"]["routes"][0]["visits"]) == 1
        assert found["changes"]["without_crews"] == away

    async def test_a_crew_more_can_do_what_nobody_could(self, ask: Any, take: Take) -> None:
        await take(fault_code="P12")
        assert (await ask()).json()["unassigned"] == 1
        now = clock.now()
        crew = {
            "code": "X",
            "size": 4,
            "skills": {"PX": 2},
            "place": {"lon": 117.03, "lat": 36.65},
            "starts_at": now.isoformat(),
            "ends_at": (now + timedelta(hours=8)).isoformat(),
        }
        found = (await ask(changes={"added_crews": [crew]})).json()
        assert found["unassigned"] == 0
        assert "+X" in {r["crew_code"] for r in found["result"]["routes"] if r["visits"]}

    async def test_longer_shifts_and_other_weights_reach_the_planner(
        self, ask: Any, take: Take, solver: SolverHere, world: World
    ) -> None:
        await take()
        changes = {
            "shift_longer_minutes": 90,
            "longer_crews": [str(world.crews["A2"])],
            "weights": {
                "travel_per_mille": 3000,
                "most_moves": 2,
                "income_spread_per_mille": 70,
            },
        }
        assert (await ask(changes=changes)).status_code == 200
        assert solver.problem is not None
        ends = {crew.id: crew.shift[1] for crew in solver.problem.crews}
        assert ends["A2"] - ends["A1"] == 90 * 60 and ends["A3"] == ends["A1"]
        assert solver.problem.objective.travel_per_mille == 3000
        assert solver.problem.objective.most_moves == 2
        assert solver.problem.objective.income_spread_per_mille == 70
        assert solver.problem.objective.move == policy.MOVE_S

    @pytest.mark.parametrize(("weights", "price"), [({}, policy.FAR_MOVE_S), ({"move": 900}, None)])
    async def test_a_supposed_price_of_moves_holds_for_what_lies_far_ahead_too(
        self,
        ask: Any,
        take: Take,
        plan: Run,
        solver: SolverHere,
        weights: dict[str, int],
        price: int | None,
    ) -> None:
        opens = clock.now() + timedelta(hours=4)
        closes = opens + timedelta(hours=1)
        slot = {"starts_at": opens.isoformat(), "ends_at": closes.isoformat()}
        await take(fault_code="H26", appointment=slot)
        await plan()
        assert (await ask(changes={"weights": weights})).status_code == 200
        assert solver.problem is not None
        (order,) = solver.problem.orders
        assert order.current_crew is not None and order.move_s == price

    async def test_it_waits_for_no_run_and_delays_none(
        self, client: httpx.AsyncClient, database: Database, world: World, as_: Headers
    ) -> None:
        station = str(world.stations["S01"])
        body = {"station_id": station, "publish": False}
        await client.post("/planning-runs", json=body, headers=as_("dispatcher"))
        assert await queued(database) == [("planning.what_if", None)]

    async def test_what_a_run_in_force_may_not_suppose(self, ask: Any, world: World) -> None:
        refused = await ask(publish=True, changes={"shift_longer_minutes": 30})
        assert refused.status_code == 422
        foreign = await ask(changes={"without_crews": [str(world.crews["B1"])]})
        assert foreign.status_code == 404
        assert (await ask("chief2")).status_code == 404


class TestCompare:
    """GET /planning-runs/{run_id}/compare"""

    async def test_tells_what_moves_and_what_it_costs(
        self, ask: Any, take: Take, plan: Run, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        order = await take(fault_code="H19")
        base = await plan()
        assert base.result is not None and base.result["committed"], "it is in A2's hands by now"
        other = (await ask(changes={"without_crews": [str(world.crews["A2"])]})).json()
        clock.advance(timedelta(minutes=1))
        url = f"/planning-runs/{base.id}/compare"
        answer = await client.get(url, params={"with": other["id"]}, headers=as_("chief1"))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        [move] = found["moved"]
        assert move["order_id"] == order["id"] and move["from_crew"] == "A2"
        assert move["to_crew"] is None and move["zh"] and move["en"]
        assert found["priced_by"] == str(base.id)
        assert found["gain_s"] == sum(found["saved_s"].values()) < 0
        for term, saved in found["saved_s"].items():
            assert saved == found["before_s"][term] - found["after_s"][term]
        assert (
            await client.get(url, params={"with": other["id"]}, headers=as_("chief2"))
        ).status_code == 404

    async def test_a_run_made_later_is_compared_by_the_same_clock(
        self, take: Take, plan: Run, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        await take(fault_code="H26", appointment=at_noon())
        first = await plan()
        clock.advance(timedelta(minutes=10))
        second = await plan()
        answer = await client.get(
            f"/planning-runs/{first.id}/compare",
            params={"with": str(second.id)},
            headers=as_("dispatcher"),
        )
        found = answer.json()
        assert found["moved"] == []
        assert all(
            abs(shift["start_before"] > shift["start_after"]) <= 1 for shift in found["shifted"]
        )
        assert found["unchanged"] + len(found["shifted"]) == 1

    async def test_only_the_last_problems_are_kept(
        self, take: Take, plan: Run, client: httpx.AsyncClient, database: Database, as_: Headers
    ) -> None:
        await take(fault_code="P12")
        runs = [await plan() for _ in range(policy.KEPT_PROBLEMS[True] + 1)]
        async with database.transaction() as session:
            rows = await session.execute(text("SELECT run_id FROM planning_problems"))
            assert {row[0] for row in rows} == {each.id for each in runs[1:]}
        answer = await client.get(
            f"/planning-runs/{runs[1].id}/compare",
            params={"with": str(runs[0].id)},
            headers=as_("dispatcher"),
        )
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:paigong:problem:plan-not-kept"


class TestWhyThisCrew:
    """GET /work-orders/{order_id}/plan"""

    async def test_the_next_crews_are_told_with_their_price_before_and_after_it_is_sent(
        self, take: Take, plan: Run, client: httpx.AsyncClient, world: World, as_: Headers
    ) -> None:
        planned = await take(fault_code="H26", appointment=at_noon())
        sent = await take("锦绣家园3-1-101")
        await plan()
        for order, state in ((planned, "NEW"), (sent, "SENT")):
            url = f"/work-orders/{order['id']}/plan"
            found = (await client.get(url, headers=as_("chief1"))).json()
            assert found["state"] == state
            why = found["why"]
            assert why["zh"] and why["en"] and len(why["others"]) == 2
            assert {each["crew_code"] for each in (why["chosen"], *why["others"])} == {
                *("A1", "A2", "A3")
            }
            prices = [each["price_s"] for each in why["others"]]
            assert prices == sorted(prices)
            for each in (why["chosen"], *why["others"]):
                assert sum(each["terms_s"].values()) == each["price_s"]
                assert each["price_s"] - why["chosen"]["price_s"] == each["dearer_s"]
        assert (await client.get(url, headers=as_("chief2"))).status_code == 404
        other = next(each["crew_id"] for each in why["others"])
        by_hand = {"crew_id": other, "reason": "knows the house"}
        answer = await client.post(
            f"/work-orders/{sent['id']}/assign", json=by_hand, headers=as_("dispatcher")
        )
        assert answer.status_code == 200, answer.text
        found = (await client.get(url, headers=as_("chief1"))).json()
        assert found["why"] is None, "the planner chose another crew than who has it"

    async def test_a_crew_that_cannot_says_why(
        self, take: Take, plan: Run, client: httpx.AsyncClient, as_: Headers
    ) -> None:
        order = await take(fault_code="H19")
        await plan()
        found = (
            await client.get(f"/work-orders/{order['id']}/plan", headers=as_("dispatcher"))
        ).json()
        if found["why"] is None:
            pytest.fail(f"not planned: {found['reasons']}")
        assert {each["reason"]["code"] for each in found["why"]["cannot"]} == {"crew_lacks"}

    async def test_an_order_that_no_run_has_seen_has_no_why(
        self, take: Take, client: httpx.AsyncClient, database: Database, world: World, as_: Headers
    ) -> None:
        await offline(database, world, "tech01")
        order = await take()
        url = f"/work-orders/{order['id']}/plan"
        assert (await client.get(url, headers=as_("chief1"))).json()["why"] is None
