"""Supposing other crews, shifts or weights: a snapshot changed as a question says."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import dispatch
from app.planning.build import OBJECTIVE
from app.planning.snapshot import CrewNow, Job, Snapshot
from routing import Place

ADDED_MARK = "+"
"""Begins the code of a crew that does not exist."""
_NOT_BEGUN = ("SENT", "ACCEPTED")


def supposed(snapshot: Snapshot, changes: Mapping[str, Any] | None) -> Snapshot:
    """The snapshot with the crews that the changes (`schemas.ChangesIn` as JSON) suppose.

    What a crew that is left away has not begun waits again; work on site goes with its crew.
    """
    if not changes:
        return snapshot
    away = {UUID(each) for each in changes["without_crews"]}
    longer = timedelta(minutes=changes["shift_longer_minutes"])
    whose = {UUID(each) for each in changes["longer_crews"]}
    if "move" in changes["weights"]:
        snapshot = snapshot.at_one_price()
    crews, jobs = [], list(snapshot.jobs)
    for crew in snapshot.crews:
        if crew.id in away:
            jobs += _waiting_again(crew)
        elif longer and (not whose or crew.id in whose):
            crews.append(replace(crew, shift=(crew.shift[0], crew.shift[1] + longer)))
        else:
            crews.append(crew)
    crews += [_added(each, snapshot) for each in changes["added_crews"]]
    return replace(snapshot, crews=tuple(crews), jobs=tuple(jobs))


def _waiting_again(crew: CrewNow) -> list[Job]:
    return [held.job for held in crew.held if held.state in _NOT_BEGUN and not held.part]


def _added(each: Mapping[str, Any], snapshot: Snapshot) -> CrewNow:
    return CrewNow(
        id=uuid4(),
        code=f"{ADDED_MARK}{each['code']}",
        station_id=snapshot.station_id,
        place=Place(*each["place"]),
        shift=(datetime.fromisoformat(each["starts_at"]), datetime.fromisoformat(each["ends_at"])),
        rests=(),
        skills=each["skills"],
        size=each["size"],
        load_s=0,
        held=(),
        income=sum(crew.income for crew in snapshot.crews) // max(1, len(snapshot.crews)),
    )


def weights(changes: Mapping[str, Any] | None) -> dispatch.Objective:
    """The objective with the weights that the changes name; ours for the rest."""
    if not changes or not changes["weights"]:
        return OBJECTIVE
    known = {each.name for each in fields(dispatch.Objective)}
    named = {name: value for name, value in changes["weights"].items() if name in known}
    return replace(OBJECTIVE, **named)
