"""Who goes when one crew is not enough: whole crews, the least busy first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def choose_members(
    fault: Mapping[str, Any],
    crews: Iterable[Mapping[str, Any]],
    technicians: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Technician ids of as few whole crews as meet the fault's skills and size, leader first.

    `crews` come in the order of preference and only those are taken that add a needed skill;
    empty when even all of them are not enough.
    """
    needs = {need["skill"]: need["count"] for need in fault["skills"]}
    chosen: list[str] = []
    for crew in crews:
        members = [member["technician_id"] for member in crew["members"]]
        if _adds(members, chosen, needs, technicians):
            chosen += members
        if len(chosen) >= fault["crew_size"] and not _missing(chosen, needs, technicians):
            return chosen
    return []


def _missing(
    people: Sequence[str], needs: Mapping[str, int], technicians: Mapping[str, Mapping[str, Any]]
) -> Counter[str]:
    """Needed skill -> how many holders of a valid certificate are lacking."""
    held: Counter[str] = Counter()
    for person in people:
        skills = technicians[person]["skills"]
        held.update(skill["skill"] for skill in skills if skill["valid"])
    return Counter(needs) - held


def _adds(
    members: Sequence[str],
    chosen: Sequence[str],
    needs: Mapping[str, int],
    technicians: Mapping[str, Mapping[str, Any]],
) -> bool:
    before = _missing(chosen, needs, technicians).total()
    return _missing([*chosen, *members], needs, technicians).total() < before
