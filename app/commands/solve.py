"""`paigong solve`: plan a file of another planner's format, without a database."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from app.commands.shell import console, refuse

if TYPE_CHECKING:
    from dispatch import Plan, Problem

solving = typer.Typer()
INPUT_REFUSED = 2
type Engine = Literal["search", "routing"]


class Format(StrEnum):
    """Whose JSON the file is."""

    RICH = "rich"
    VROOM = "vroom"


class Question(NamedTuple):
    """A file read: the problem, and what drawing and answering need."""

    problem: Problem
    places: Sequence[tuple[float, float]] | None
    warm_start: Mapping[str, Sequence[str]] | None
    notes: Sequence[str]
    source: Any


@solving.command("solve")
def solve_file(
    file: Annotated[Path, typer.Argument(help="The instance, JSON.")],
    form: Annotated[Format, typer.Option("--format", help="Whose JSON it is.")] = Format.RICH,
    seconds: Annotated[float, typer.Option(help="How long to search.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    engine: Annotated[
        Literal["search", "routing"], typer.Option(help="Compiled search, or OR-Tools' routing.")
    ] = "search",
    out: Annotated[Path | None, typer.Option(help="The plan; stdout without it.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it: .html or .png.")] = None,
    fairness: Annotated[
        float, typer.Option(help="rich: price per second apart from the mean workload (JF: 0.1).")
    ] = 0.0,
) -> None:
    """Plan a rich instance or VROOM's JSON; the plan goes to --out, its price to stderr."""
    from dispatch import ProblemRefused

    began = time.monotonic()
    if plot is not None and plot.suffix not in (".html", ".png"):
        raise refuse(f"--plot draws .html or .png, not {plot.name}", INPUT_REFUSED)
    try:
        question = _read(file, form, fairness)
        _load(engine)
        read_at = time.monotonic()
        plan = _solved(question, seconds, seed, engine)
    except ProblemRefused as refused:
        raise refuse(f"{file.name}: {refused}", INPUT_REFUSED) from refused
    solved_at = time.monotonic()
    answer = _answer(question, form, plan, read_at - began, solved_at - read_at)
    _write(json.dumps(answer, ensure_ascii=False), out)
    for note in question.notes:
        console.print(f"note: {note}", soft_wrap=True)
    _tell(question.problem, plan, solved_at - read_at)
    if plot is not None:
        from dispatch.plot import draw

        try:
            draw(question.problem, plan, plot, places=question.places, title=file.stem)
        except OSError as error:
            raise refuse(f"{plot} cannot be written: {error}") from error


def _read(file: Path, form: Format, fairness: float) -> Question:
    try:
        given = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise refuse(f"{file} cannot be read as JSON: {error}", INPUT_REFUSED) from error
    if form is Format.RICH:
        from dispatch.formats.rich import places_of, read_rich

        problem = read_rich(given, fairness=fairness)
        return Question(problem, places_of(given), None, (), None)
    from dispatch.formats.vroom import read_vroom

    read = read_vroom(given)
    return Question(read.problem, read.places(), read.warm_start or None, read.notes, read)


def _load(engine: Engine) -> None:
    """Load the engine by planning one order, so that all of `--seconds` is searched."""
    import numpy as np

    from dispatch import Budget, Crew, Order, Problem, solve

    order = Order(id="1", place=1, service_s=60, priority_penalty=3600)
    crew = Crew(id="1", start_place=0, end_place=0, shift=(0, 3600))
    travel = np.array([[0, 60], [60, 0]], dtype=np.int32)
    small = Problem(orders=(order,), crews=(crew,), travel=travel)
    solve(small, Budget(seconds=0.05, iterations=20), engine=engine)


def _solved(question: Question, seconds: float, seed: int, engine: Engine) -> Plan:
    """The plan, looked at by the independent check before anyone sees it."""
    from dispatch import Budget, check, solve

    budget = Budget(seconds=seconds)
    plan = solve(
        question.problem,
        budget,
        seed=seed,
        warm_start=question.warm_start,
        engine=engine,
    )
    broken = check(question.problem, plan)
    if broken:
        raise refuse(f"the plan found breaks {len(broken)} rules, the first: {broken[0]}")
    return plan


def _answer(question: Question, form: Format, plan: Plan, read_s: float, solve_s: float) -> Any:
    if form is Format.RICH:
        from dispatch.formats.rich import write_rich

        return write_rich(question.problem, plan)
    from dispatch.formats.vroom_answer import write_vroom

    took = {"loading": round(1000 * read_s), "solving": round(1000 * solve_s)}
    return write_vroom(question.source, plan, took)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise refuse(f"{out} cannot be written: {error}") from error


def _tell(problem: Problem, plan: Plan, took_s: float) -> None:
    terms = ", ".join(f"{term} {value / 60:.1f}" for term, value in plan.price.items() if value)
    served = len(problem.orders) - len(plan.unassigned)
    console.print(
        f"{served} of {len(problem.orders)} orders with {len(problem.crews)} crews"
        f" in {took_s:.1f} s; price {plan.total / 60:.1f} min" + (f" ({terms})" if terms else ""),
        soft_wrap=True,
    )
    if plan.parts:
        gained = ", ".join(f"{part} {value}" for part, value in plan.parts.items())
        console.print(f"gained in seconds of price: {gained}", soft_wrap=True)
