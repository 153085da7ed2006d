"""The verdict on a wrong server: each figure turns red by what it is there for, and no other."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.mobile.schemas import CommandIn
from tests.hostile import judge
from tests.hostile.company import Owner
from tests.hostile.judge import Standing
from tests.hostile.phones import Said, SaidFile

_ORDER, _OTHER = str(UUID(int=1)), str(UUID(int=2))
_DEVICE = str(UUID(int=3))
_FILE = str(UUID(int=4))
_ACCEPT, _CONTACT, _LATE = (str(UUID(int=number)) for number in (11, 12, 13))
_RECORD = str(UUID(int=20))
Wrong = Callable[[Standing], Standing]


def _command(command_id: str, seq: int, kind: str) -> dict[str, Any]:
    at = "2026-01-15T08:00:00+08:00"
    command = {"id": command_id, "device_seq": seq, "kind": kind, "order_id": _ORDER}
    return command | {"client_at": at}


def _said(folder: Path) -> Said:
    """A phone that accepted, called, was too late to arrive, and took a picture."""
    said = Said(Owner("h1leader", "H1", "python", 0.0), _DEVICE)
    for seq, (command_id, kind) in enumerate(
        ((_ACCEPT, "accept"), (_CONTACT, "contact"), (_LATE, "arrive")), start=1
    ):
        said.commands[command_id] = said.meant[command_id] = _command(command_id, seq, kind)
    picture = folder / _FILE
    picture.write_bytes(b"picture")
    said.files[_FILE] = SaidFile(_ORDER, "F", picture, kept=True)
    return said


def _standing(said: Said) -> Standing:
    """A server that has all of it as it was said; the last act is a conflict and listed."""
    answers = {_CONTACT: {"result": {"completion_id": _RECORD}}, _LATE: {"problem": {"type": "x"}}}
    commands = {
        command_id: {
            "id": command_id,
            "device_id": _DEVICE,
            "device_seq": command["device_seq"],
            "order_id": _ORDER,
            "kind": command["kind"],
            "body": CommandIn.model_validate(command).model_dump(mode="json", exclude_none=True),
            "outcome": "conflict" if command_id == _LATE else "applied",
            "answer": answers.get(command_id, {}),
        }
        for command_id, command in said.commands.items()
    }
    event = {"order_id": _ORDER, "action": "accepted", "command_id": _ACCEPT}
    events = [event | {"holder": "crew", "crews": ["crew"]}]
    file = {"order_id": _ORDER, "kind": "F", "state": "verified", "sha256": "sum"}
    files = {_FILE: {"id": _FILE, "rejected_why": None, **file}}
    records = {_RECORD: _ORDER}
    return Standing(commands, events, files, records, Counter({_ORDER: 1}), frozenset({_LATE}))


def _changed(part: str, key: str, **values: Any) -> Wrong:
    def change(standing: Standing) -> Standing:
        rows = deepcopy(getattr(standing, part))
        rows[key] |= values
        return replace(standing, **{part: rows})

    return change


def _without(part: str, key: str) -> Wrong:
    def change(standing: Standing) -> Standing:
        rows: Any = {name: row for name, row in getattr(standing, part).items() if name != key}
        return replace(standing, **{part: rows})

    return change


def _never_said(standing: Standing) -> Standing:
    row = standing.commands[_ACCEPT] | {"id": "other", "device_seq": 9, "outcome": "applied"}
    return replace(standing, commands=standing.commands | {"other": row})


FAULTS: dict[str, tuple[str, Wrong]] = {
    "a command never came": ("commands_lost", _without("commands", _ACCEPT)),
    "a command has other words": ("commands_lost", _changed("commands", _ACCEPT, body={})),
    "a command is another phone's": ("commands_lost", _changed("commands", _ACCEPT, device_id="x")),
    "an act left no event": ("commands_lost", lambda it: replace(it, events=[])),
    "a record is not there": ("commands_lost", lambda it: replace(it, records={})),
    "an act was done twice": ("duplicates", lambda it: replace(it, events=it.events * 2)),
    "an order is completed twice": (
        "duplicates",
        lambda it: replace(it, completed=Counter({_ORDER: 2})),
    ),
    "a command that nobody said": ("duplicates", _never_said),
    "a file that nobody took": (
        "duplicates",
        lambda it: replace(it, files=it.files | {"other": it.files[_FILE]}),
    ),
    "a file never came": ("files_missing", _without("files", _FILE)),
    "a file is half there": ("files_missing", _changed("files", _FILE, state="receiving")),
    "a file's bytes are gone": ("files_missing", _changed("files", _FILE, sha256="gone")),
    "a file has other bytes": ("files_different", _changed("files", _FILE, sha256="other")),
    "a file is on another order": ("files_misplaced", _changed("files", _FILE, order_id=_OTHER)),
    "a file shows something else": ("files_misplaced", _changed("files", _FILE, kind="B")),
    "a conflict is not listed": (
        "conflicts_unlisted",
        lambda it: replace(it, listed=frozenset()),
    ),
    "a refusal is not listed": (
        "conflicts_unlisted",
        _changed("commands", _CONTACT, outcome="refused"),
    ),
    "an act of a crew that lost the order": (
        "wrong_crew",
        lambda it: replace(it, events=[it.events[0] | {"crews": ["another"]}]),
    ),
}


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    kept = {"sum": b"picture", "other": b"pictur"}
    monkeypatch.setattr(judge, "_stored", kept.get)
    return _said(tmp_path)


def test_a_server_that_has_all_is_clean(said: Said) -> None:
    assert judge.judge([said], _standing(said)).examples() == {}


@pytest.mark.parametrize("wrong", FAULTS)
def test_one_thing_wrong_turns_its_own_figure_red(said: Said, wrong: str) -> None:
    figure, change = FAULTS[wrong]
    verdict = judge.judge([said], change(_standing(said)))
    assert verdict.examples().keys() == {figure}


def test_a_picture_that_the_phone_was_killed_over_may_be_missing(said: Said) -> None:
    said.files[_FILE].kept = False
    assert judge.judge([said], _without("files", _FILE)(_standing(said))).is_clean()
