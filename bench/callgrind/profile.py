"""Parses what callgrind writes: instructions and system calls, in all and by shared object. Pure.

The format is described in the manual of Valgrind, "Callgrind Format Specification". Only what is needed here is read:
`events:`, `ob=` and the costs that a function has itself. The line of costs behind `calls=` belongs to the functions
that are called, which have lines of their own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

INSTRUCTIONS = "Ir"
SYSTEM_CALLS = "sysCount"

_OBJECT = re.compile(r"c?ob=(?:\((\d+)\))? ?(.*)")


class NotAProfile(Exception):
    """A text that callgrind did not write. The message says what is missing or malformed."""


@dataclass(slots=True)
class Profile:
    """What one process executed between two points in time."""

    instructions: int = 0
    system_calls: int = 0
    by_object: dict[str, int] = field(default_factory=dict)
    """Instructions by the path of the shared object or program that they are in."""


def parse(lines: Iterable[str]) -> Profile:
    """The profile in the lines of a dump. Raises NotAProfile."""
    names: dict[str, str] = {}
    found = Profile()
    columns: dict[str, int] = {}
    current = ""
    called = False
    for line in lines:
        first = line[:1]
        if first.isdigit() or first in {"+", "-", "*"}:
            if called:
                called = False
                continue
            costs = _costs(line, columns)
            found.by_object[current] = found.by_object.get(current, 0) + costs[0]
            found.instructions += costs[0]
            found.system_calls += costs[1]
        elif line.startswith(("ob=", "cob=")):
            name = _name(line, names)
            if first == "o":
                current = name
        elif line.startswith("calls="):
            called = True
        elif line.startswith("events:"):
            columns = {event: place for place, event in enumerate(line.split()[1:])}
    if INSTRUCTIONS not in columns:
        raise NotAProfile(f"it has no events named {INSTRUCTIONS}")
    return found


def _costs(line: str, columns: dict[str, int]) -> tuple[int, int]:
    """Instructions and system calls of a line of costs, in which zeros at the end are left out."""
    try:
        costs = [int(word) for word in line.split()[1:]]
    except ValueError:
        raise NotAProfile(f"{line.strip()[:60]!r} is no line of costs") from None

    def of(event: str) -> int:
        place = columns.get(event, len(costs))
        return costs[place] if place < len(costs) else 0

    return of(INSTRUCTIONS), of(SYSTEM_CALLS)


def _name(line: str, names: dict[str, str]) -> str:
    """The name of an object. Where it has a number, the name stands behind it only the first time."""
    matched = _OBJECT.match(line)
    assert matched is not None
    number, name = matched[1], matched[2].strip()
    if number is None:
        return name
    if name:
        names[number] = name
    if number not in names:
        raise NotAProfile(f"object {number} has no name")
    return names[number]
