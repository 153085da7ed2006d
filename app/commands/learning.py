"""`paigong learn-speeds`: what the nightly learning does, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from app.commands.shell import console, with_database

if TYPE_CHECKING:
    from app.core.db import Database

learning = typer.Typer()

_SAID = {
    "too_few": "too few drives are known yet; nothing was written",
    "speeds_unknown": (
        "the speeds that their map was built with are not known here, so they teach nothing;"
        " build the map with import-map, or put its speed file into maps/known-speeds"
    ),
    "no_better": "the speeds in use are as good; nothing was written",
    "written": "the next import-map is built with what was learnt",
}


@learning.command("learn-speeds")
def learn_speeds() -> None:
    """Learn the city's speeds from the drives of four weeks, for the next import-map."""
    from app.travel.learning import learn_speeds as learn
    from app.travel.models import LearningRun

    async def work(database: Database) -> LearningRun | None:
        return await learn(database)

    run = with_database(work)
    assert run is not None
    errors = ""
    if run.error_before_s is not None and run.error_after_s is not None:
        errors = f", error {run.error_before_s:.0f} s before and {run.error_after_s:.0f} s after"
    console.print(f"{run.drives} drives{errors}: {_SAID[run.outcome]}")
