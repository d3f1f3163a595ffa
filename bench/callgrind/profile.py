"""Parses what callgrind writes: instructions and system calls, in all and by shared object. Pure.

The format is described in the manual of Valgrind, "Callgrind Format Specification". Only what is needed here is read:
`events:`, `ob=` and the costs that a function has itself. The line of costs behind `calls=` belongs to the functions
that are called, which have lines of their own.
"""

import re
from dataclasses import dataclass, field

INSTRUCTIONS = "Ir"
SYSTEM_CALLS = "sysCount"

# These begin with the line feed before a line: a search for `^` looks at every character, and takes five times as long.
_EVENTS = re.compile(r"\nevents:(.*)")
_CALL = re.compile(r"\ncalls=.*\n.*")
_NUMBER = re.compile(r"\((\d+)\)")
_NAMED = re.compile(r"ob=\((\d+)\) (.+)")
"""An object with a number has its name behind it only the first time, which may be where it is called."""
_INSTRUCTIONS = re.compile(r"\n[0-9+*-]\d* (\d+)")
"""Of a line of costs, whose first word is a position."""
_MORE = re.compile(r"\n[0-9+*-]\d* \d+ (.+)")
"""The other costs of lines that have any. Zeros at the end of a line are left out."""
_MALFORMED = re.compile(r"\n([0-9+*-]\d*(?!\d)(?! \d+(?: \d+)*\n).*)")


class NotAProfile(Exception):
    """A text that callgrind did not write. The message says what is missing or malformed."""


@dataclass(slots=True)
class Profile:
    """What one process executed between two points in time."""

    instructions: int = 0
    system_calls: int = 0
    by_object: dict[str, int] = field(default_factory=dict)
    """Instructions by the path of the shared object or program that they are in."""


def parse(text: str) -> Profile:
    """The profile in the text of a dump. Raises NotAProfile.

    A dump may have more than 100,000 lines, so expressions go over its text, and nothing over each of its lines.
    """
    text = f"\n{text}\n"
    events = _EVENTS.search(text)
    first, *others = (None,) if events is None else events[1].split()
    if first != INSTRUCTIONS:
        raise NotAProfile(f"it has no events named {INSTRUCTIONS}")
    if (malformed := _MALFORMED.search(text)) is not None:
        raise NotAProfile(f"{malformed[1][:60]!r} is no line of costs")
    place = others.index(SYSTEM_CALLS) if SYSTEM_CALLS in others else len(others)
    names = dict(_NAMED.findall(text))
    found = Profile()
    for costs in _CALL.sub("", text).split("\nob=")[1:]:
        name = _name(costs, names)
        instructions = sum(map(int, _INSTRUCTIONS.findall(costs)))
        more = [row.split() for row in _MORE.findall(costs)]
        found.by_object[name] = found.by_object.get(name, 0) + instructions
        found.instructions += instructions
        found.system_calls += sum(int(row[place]) for row in more if len(row) > place)
    return found


def _name(costs: str, names: dict[str, str]) -> str:
    """The name of the object whose costs this text has, and begins with its name."""
    name = costs.partition("\n")[0]
    if (number := _NUMBER.match(name)) is None:
        return name
    if number[1] not in names:
        raise NotAProfile(f"object {number[1]} has no name")
    return names[number[1]]
