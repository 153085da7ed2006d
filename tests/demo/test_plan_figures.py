"""What the demo says of its plans comes from stored runs, term by term."""

from typing import Any

from app.demo.planning import churn_of, gains, lending, merges, prices


def result(**changes: Any) -> dict[str, Any]:
    return {
        "churn": {"compared": 0, "moved": 0},
        "price": {"late": 600, "travel": 1200},
        "total": 1800,
        "parts": {"insertion": 6000, "search": 300, "master": 0, "rounds": 900},
        "routes": [],
        "merged": {"inserted": [], "not_fitting": []},
    } | changes


def visit(order_id: str, **marks: bool) -> dict[str, Any]:
    return {"order_id": order_id, "locked": False, "elsewhere": False} | marks


class TestPlanFigures:
    def test_a_day_without_plans_has_figures_too(self) -> None:
        assert (churn_of([]), prices([])) == (0.0, {})
        assert gains([])["cp_sat"] == {"min": 0.0, "plans": 0, "ran": 0}
        assert lending([]) == {"offered": 0, "visits": 0, "orders": 0}

    def test_prices_are_those_of_the_mean_plan_in_minutes(self) -> None:
        dear = result(price={"late": 6600, "travel": 1200}, total=7800)
        assert prices([result(), dear]) == {"late": 60.0, "travel": 20.0, "total": 80.0}

    def test_gains_add_up_over_plans_and_rounds_are_none(self) -> None:
        helped = result(parts={"insertion": 60, "search": 0, "master": 90, "rounds": 5})
        assert gains([result(), helped, result(parts={})]) == {
            "insertion": {"min": 101.0, "plans": 2, "ran": 2},
            "search": {"min": 5.0, "plans": 1, "ran": 2},
            "cp_sat": {"min": 1.5, "plans": 1, "ran": 2},
        }

    def test_lending_counts_what_neighbours_were_given(self) -> None:
        lent = {
            "lent": True,
            "visits": [visit("a"), visit("b", elsewhere=True), visit("c", locked=True)],
        }
        own = {"lent": False, "visits": [visit("d")]}
        plans = [result(routes=[lent, own]), result(routes=[lent])]
        assert lending(plans) == {"offered": 2, "visits": 2, "orders": 1}

    def test_merges_and_churn(self) -> None:
        merged = result(
            merged={"inserted": [{}, {}], "not_fitting": [{}]}, churn={"compared": 8, "moved": 2}
        )
        still = result(churn={"compared": 12, "moved": 0})
        assert merges([merged, still]) == {"runs": 1, "orders": 2, "waited": 1}
        assert churn_of([merged, still]) == 0.1
