"""Which lines of a month are about one thing: the oracle's reading of DOMAIN 5.8 and 5.9.

What was given or taken, or carried of it, and what undid that in the same month, are one sum: they
stay or leave together.
"""

from typing import Any

Line = dict[str, Any]


def thing_of(line: Line) -> Line:
    """What a line is about: itself, or what it carries."""
    found: Line = line["about"] if line["kind"] == "CARRY" else line
    return found


def sums_of(mine: list[Line]) -> list[list[Line]]:
    """The lines of each sum, the one that was undone first."""
    things = [thing_of(line) for line in mine]
    sums: list[list[Line]] = []
    for thing in things:
        if not _undid(thing, things) and not any(thing_of(each[0]) is thing for each in sums):
            sums.append([line for line in mine if thing_of(line) is thing])
    for line in mine:
        if undone := _undid(thing_of(line), things):
            next(each for each in sums if thing_of(each[0]) is undone).append(line)
    return sums


def _undid(thing: Line, things: list[Line]) -> Line | None:
    """What of the month is undone by a thing in the end."""
    found = None
    while thing["kind"] == "REVERSE" and any(thing["about"] is each for each in things):
        found = thing = thing["about"]
    return found
