"""The published rich instances, priced by their own evaluator; skipped where they are absent."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dispatch import Break, Budget, Crew, Objective, Order, Problem, check, solve

RICH = Path(__file__).resolve().parents[3] / "shared" / "data" / "rich"


def evaluator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rich_evaluate", RICH / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(instance: dict[str, Any]) -> Problem:
    return Problem(
        orders=tuple(_order(number, job) for number, job in enumerate(instance["orders"])),
        crews=tuple(_crew(number, tech) for number, tech in enumerate(instance["techs"])),
        travel=np.array(instance["T"], dtype=np.int32),
        objective=Objective(spread_per_mille=100),
    )


def _order(number: int, job: dict[str, Any]) -> Order:
    return Order(
        id=str(number),
        place=job["loc"],
        service_s=job["svc"],
        priority_penalty=job["P"],
        window=(job["a"], job["b"]),
        due_s=job["d"],
        late_per_mille=round(1000 * job["w"]),
        skills=tuple((str(skill), 1) for skill in sorted(set(job["skills"]))),
        emergency=job["pr"] == "E",
    )


def _crew(number: int, tech: dict[str, Any]) -> Crew:
    lunch = tech["lunch"]
    rest = lunch and Break(earliest_s=lunch[0], latest_s=lunch[1], duration_s=lunch[2])
    return Crew(
        id=str(number),
        start_place=tech["loc"],
        end_place=tech["loc"],
        shift=(tech["v0"], tech["v1"]),
        breaks=(rest,) if rest else (),
        skills={str(skill): 1 for skill in tech["skills"]},
    )


@pytest.mark.skipif(not RICH.is_dir(), reason="the rich instances are not here (shared/data/rich)")
class TestRichInstances:
    @pytest.mark.parametrize("name", ["tight-N50-M4-s1", "tight-N50-M4-s1-H"])
    def test_their_evaluator_agrees_with_our_price(self, name: str) -> None:
        instance = json.loads((RICH / f"{name}.json").read_text())
        question = read(instance)
        plan = solve(question, Budget(seconds=1))
        assert check(question, plan) == []
        routes = [[int(n) for n in plan.sequences[crew.id]] for crew in question.crews]
        theirs = evaluator().evaluate(instance, routes)
        ours = plan.total - plan.price["spread"]
        assert theirs["J"] == pytest.approx(ours / 60, abs=0.1)
        assert theirs["JF"] == pytest.approx(plan.total / 60, abs=0.1)
        assert theirs["unserved"] == len(plan.unassigned)
