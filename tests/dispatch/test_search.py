"""The compiled search agrees with the exact timing and pricing, and keeps its promises."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch import Break, Budget, Crew, Objective, Order, Problem, check, replan, solve
from dispatch.price import priced_plan
from dispatch.search import is_warm, pair, run, search, warm
from dispatch.search.compiled import ENVIRONMENT, kernel_folder
from dispatch.search.halves import cut
from dispatch.search.pair import MEETINGS, Board
from dispatch.search.prepare import day_of
from dispatch.search.run import Searcher
from dispatch.search.warmth import MARK, UNUSED_S, remove_unused
from dispatch.timing import time_route
from tests.dispatch.instances import HOUR, SIXTEEN, crew, order, problem, scattered
from tests.dispatch.test_properties import MANY, problems

ROUNDS = Budget(seconds=60, iterations=400)
FAIR = Objective(income_spread_per_mille=300, most_moves=1)


def exact(question: Problem, sequences: dict[str, tuple[str, ...]]) -> int:
    """What `timing` and `price` make of the sequences, in seconds; fails when they break a rule."""
    routes = [time_route(question, crew, sequences[crew.id]) for crew in question.crews]
    assert None not in routes
    return priced_plan(question, [route for route in routes if route is not None]).total


class TestRun:
    @MANY
    @given(problems(), st.integers(0, 9))
    def test_its_price_is_the_exact_price(self, question: Problem, seed: int) -> None:
        found = run(question, None, ROUNDS, seed=seed)
        terms = 8  # each of the plan's terms is rounded down to a second
        assert found.price // 1000 - terms <= exact(question, found.sequences)
        assert exact(question, found.sequences) <= -(-found.price // 1000)

    @pytest.mark.parametrize("rests", [0, 1])
    def test_the_way_home_of_an_idle_crew_has_its_price(self, rests: int) -> None:
        late = Break(earliest_s=15 * HOUR, latest_s=SIXTEEN, duration_s=600)
        out = crew(
            available_at=20,
            available_from_s=SIXTEEN - 600,
            overtime_s=HOUR,
            breaks=(late,) * rests,
        )
        nobodys = order("x", skills=(("moon", 1),), priority_penalty=60)
        found = run(problem([nobodys], [out]), None, ROUNDS)
        assert found.price == 1000 * (60 + 1200 + 2 * 600)

    @MANY
    @given(problems())
    def test_it_never_ends_above_where_it_began(self, question: Problem) -> None:
        first = run(question, None, ROUNDS)
        again = run(question, first.sequences, ROUNDS, seed=1)
        assert again.seated <= first.price
        assert again.price <= again.opened <= again.seated

    def test_a_seed_and_rounds_give_one_answer(self) -> None:
        question = scattered(40, 6, seed=2)
        once, twice = (run(question, None, ROUNDS, seed=3) for _ in range(2))
        assert once == twice
        assert run(question, None, ROUNDS, seed=4) != once

    def test_remembered_routes_are_routes_of_their_crews(self) -> None:
        question = scattered(40, 6, seed=2)
        found = run(question, None, ROUNDS)
        assert len(found.pool) > 20
        for number, orders in found.pool:
            crew = question.crews[number]
            names = [question.orders[x].id for x in orders]
            assert time_route(question, crew, names) is not None

    def test_a_deadline_that_has_passed_still_gives_the_insertion(self) -> None:
        question = scattered(40, 6, seed=2)
        found = run(question, None, Budget(seconds=1), until=time.monotonic())
        assert found.opened < found.seated
        assert found.price <= found.opened


class TestSolve:
    @MANY
    @given(problems(), st.integers(0, 2))
    def test_every_plan_passes_the_check_with_all_rules(self, question: Problem, most: int) -> None:
        asked = replace(question, objective=replace(FAIR, most_moves=most))
        plan = solve(asked, ROUNDS)
        assert check(asked, plan) == []

    def test_parts_add_up_to_what_was_gained(self) -> None:
        question = scattered(40, 6, seed=2)
        plan = solve(question, ROUNDS)
        nothing = replan(question, {})
        gained = sum(plan.parts[part] for part in ("insertion", "search", "master"))
        assert gained == pytest.approx(nothing.total - plan.total, abs=12)
        assert plan.parts["rounds"] >= 400


class TestPair:
    def test_two_searches_agree_on_one_plan_that_keeps_the_rules(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pair, "has_free_core", lambda: True)
        question = scattered(40, 6, seed=2)
        found = search(question, None, Budget(seconds=0.4), seed=5)
        assert found.searches == 2
        assert exact(question, found.sequences) <= -(-found.price // 1000)

    def test_the_search_that_lags_goes_on_from_the_others_plan(self) -> None:
        question, board = scattered(40, 6, seed=2), Board()
        day, until = day_of(question), time.monotonic() + 60
        good, lagging = (
            Searcher(question, day, None, budget, seed=1, deadline=until)
            for budget in (ROUNDS, Budget(seconds=60, iterations=1))
        )
        good.go(board.side(0, good))
        behind = lagging.price
        assert good.price < behind
        board.side(1, lagging)(MEETINGS[0])
        assert lagging.price == good.price
        assert lagging.found().sequences == good.found().sequences
        assert lagging.found().opened == behind

    @settings(MANY, max_examples=15)
    @given(problems())
    def test_two_searches_keep_every_rule(self, question: Problem) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pair, "has_free_core", lambda: True)
            plan = solve(question, Budget(seconds=1.5 * pair.WORTH_S))
        assert check(question, plan) == []
        assert plan.parts["searches"] == 2

    def test_one_crew_may_have_the_whole_day_while_others_are_idle(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pair, "has_free_core", lambda: True)
        question = scattered(120, 1, seed=2)
        brief = tuple(
            Order(id=order.id, place=order.place, service_s=30, priority_penalty=36_000)
            for order in question.orders
        )
        crew = Crew(id="c", start_place=0, end_place=0, shift=(0, 86_400))
        few = Problem(
            orders=brief,
            crews=tuple(replace(crew, id=f"c{number}") for number in range(40)),
            travel=question.travel,
            objective=Objective(spread_per_mille=0),
        )
        alone = solve(replace(few, crews=few.crews[:1]), Budget(seconds=1))
        plan = solve(few, Budget(seconds=1))
        assert check(few, plan) == []
        assert plan.unassigned == alone.unassigned == {}
        assert plan.total <= 1.1 * alone.total

    def test_a_search_that_fails_is_not_passed_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pair, "has_free_core", lambda: True)

        def side(_: Board, number: int, __: Searcher) -> Callable[[float], bool]:
            if number:
                raise ArithmeticError
            return lambda _: True

        monkeypatch.setattr(Board, "side", side)
        with pytest.raises(ArithmeticError):
            search(scattered(20, 4, seed=2), None, Budget(seconds=0.2))

    def test_a_budget_of_rounds_goes_alone(self) -> None:
        question = scattered(20, 4, seed=2)
        assert search(question, None, ROUNDS, seed=5) == run(question, None, ROUNDS, seed=5)


class TestHalves:
    """Of a large day each search has half of the crews."""

    @pytest.fixture(autouse=True)
    def every_day_is_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pair, "has_free_core", lambda: True)
        monkeypatch.setattr(pair, "LARGE", 2)
        monkeypatch.setattr(pair, "CREWS", 2)

    @settings(MANY, max_examples=25)
    @given(problems(), st.integers(0, 2))
    def test_halves_put_together_keep_every_rule(self, question: Problem, most: int) -> None:
        asked = replace(question, objective=replace(FAIR, most_moves=most))
        plan = solve(asked, Budget(seconds=1.5 * pair.WORTH_S))
        assert check(asked, plan) == []
        assert plan.parts["searches"] == 2

    def test_the_price_that_was_summed_is_the_plans(self) -> None:
        question = scattered(60, 8, seed=2)
        found = search(question, None, Budget(seconds=0.4), seed=5)
        assert exact(question, found.sequences) <= -(-found.price // 1000)
        assert found.price < found.opened

    def test_crews_and_orders_of_the_other_half_stay_as_they_are(self) -> None:
        question = scattered(60, 8, seed=2)
        day, until = day_of(question), time.monotonic() + 60
        searcher = Searcher(question, day, None, ROUNDS, seed=1, deadline=until)
        before = searcher.best()
        crews, orders = cut(day, before, np.random.default_rng(3))
        assert 0 < crews.sum() < len(crews)
        served = {x: c for c, n in enumerate(before.length) for x in before.at[c, :n].tolist()}
        assert all(orders[x] == crews[c] for x, c in served.items())
        searcher.adopt(before, crews, orders)
        searcher.go()
        after = searcher.best()
        changed = [
            c
            for c in range(len(crews))
            if after.at[c, : after.length[c]].tolist() != before.at[c, : before.length[c]].tolist()
        ]
        assert changed
        assert all(crews[c] for c in changed)

    def test_a_half_that_fails_is_not_passed_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def cool(searcher: Searcher, *_: float) -> None:
            if threading.current_thread() is not threading.main_thread():
                raise ArithmeticError

        monkeypatch.setattr(Searcher, "cool", cool)
        with pytest.raises(ArithmeticError):
            search(scattered(20, 4, seed=2), None, Budget(seconds=0.2))


class TestKernels:
    def test_warming_marks_the_folder_of_these_sources(self) -> None:
        warm()
        assert is_warm()

    def test_the_folder_can_be_chosen(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
        assert kernel_folder().parent == tmp_path

    def test_kernels_that_nobody_loads_any_more_are_removed(self, tmp_path: Path) -> None:
        for name, age_s in (("old", 2 * UNUSED_S), ("recent", UNUSED_S / 2), ("own", 0)):
            (tmp_path / name).mkdir()
            (tmp_path / name / MARK).touch()
            os.utime(tmp_path / name / MARK, (1e9 - age_s,) * 2)
        remove_unused(tmp_path / "own" / MARK)
        assert {folder.name for folder in tmp_path.iterdir()} == {"recent", "own"}

    def test_another_process_loads_what_was_compiled(self) -> None:
        warm()
        script = (
            "from dispatch.search import warm; from dispatch.search.anneal import anneal; warm();"
            "import sys; sys.exit(not anneal.stats.cache_hits or bool(anneal.stats.cache_misses)"
            " or 'scipy' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
