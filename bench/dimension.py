"""How a dimension is declared: its flag, its part of ids, and how reports lay it out. Pure.

The dimensions themselves are the fields of `bench.spec.CellKey`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.spec import CellKey

AT_PRODUCER, AT_FRONT, AT_BOTH, PASSED = "producer", "front", "both", "pass"
"""Where gzip or TLS is done behind a front: by the producer, by the front, by both, or by the producer with a front
that passes on what it cannot read."""
DEFAULT_PLACE = "default"
"""Stands for the place where each front has TLS by itself."""


class Scope(StrEnum):
    """What has to differ between two cells that differ in a dimension only."""

    REQUEST = "request"
    CONNECTION = "connection"
    PATH = "path"
    PROCESS = "process"


class Role(StrEnum):
    """How reports lay a dimension out."""

    SERIES = "series"
    """What is compared: it has a colour."""
    VARIANT = "variant"
    """Stands side by side within a table or chart: gzip and TLS."""
    LOAD = "load"
    """One table or chart for each value."""
    GROUP = "group"
    """One section for each value."""
    PLACE = "place"
    """Where a variant is done; it is named with that variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """The flag of `bench run` by which the values of a dimension are chosen."""

    name: str
    metavar: str
    help: str
    default: str
    choices: Callable[[], Sequence[str]] = tuple
    """The words that it takes, as a comma list, repeated or both."""
    value: Callable[[str], Any] = str
    """What one of these words stands for."""
    read: Callable[[Sequence[str]], list[Any]] | None = None
    """Where it takes more than words: reads what was given. Raises ValueError with the value and what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One declaration."""

    heading: str
    """Of its column in tables."""
    scope: Scope
    role: Role = Role.GROUP
    changes_work: bool = True
    """Whether it changes what is executed for a request, so that `bench instructions` varies it."""
    changes_bytes: bool = False
    """Whether it changes the bytes of a request, so that `bench sizes` varies it."""
    changes_capacity: bool = False
    """Whether it changes how many requests can be served, so that `bench slo` varies it."""
    neighbours: bool = False
    """Whether cells that differ in it are compared with each other, so that their slices are neighbours. That holds for
    every series, too."""
    label: "Callable[[CellKey], str]"
    """Its part of a cell's id; empty for the usual value."""
    words: "Callable[[CellKey], str]"
    """The same for readers; empty for the usual value."""
    flag: Flag | None = None
    """None: it is chosen by flags of its own kind (workload, load, version)."""


def switch(name: str, words: str, scope: Scope, default: str, flag_help: str) -> Dimension:
    """A dimension that is off or on, such as gzip. `words`: what readers call it."""
    return Dimension(
        heading=words,
        scope=scope,
        role=Role.VARIANT,
        changes_bytes=True,
        changes_capacity=True,
        label=lambda key: name if getattr(key, name) else "",
        words=lambda key: words + PLACES_IN_WORDS[key.place_of(name)] if getattr(key, name) else "",
        flag=Flag(
            name=f"--{name}",
            metavar="off|on|off,on",
            help=flag_help,
            default=default,
            choices=lambda: ("off", "on"),
            value=lambda word: word == "on",
        ),
    )


PLACES_IN_WORDS: dict[str, str] = {
    "": "",
    AT_PRODUCER: " at the producer",
    AT_FRONT: " at the front",
    AT_BOTH: " at front and producer",
    PASSED: " passed through",
}
"""Within a sentence, behind `gzip` or `TLS`."""


def place(name: str, words: str, default: str, places: Sequence[str], flag_help: str) -> Dimension:
    """Where the switch of this name is done behind a front."""
    return Dimension(
        heading=f"{words} at",
        scope=Scope.PATH,
        role=Role.PLACE,
        changes_bytes=True,
        changes_capacity=True,
        neighbours=True,
        label=lambda key: f"at-{key.place_of(name)}" if key.place_of(name) else "",
        words=lambda key: "",
        flag=Flag(
            name=f"--{name}-at",
            metavar="PLACES",
            help=flag_help,
            default=default,
            choices=lambda: places,
            value=lambda word: "" if word == DEFAULT_PLACE else word,
        ),
    )


def number(name: str, words: str, letter: str, scope: Scope, at_most: int, flag_help: str) -> Dimension:
    """A dimension whose values are whole numbers, usually 1."""
    return Dimension(
        heading=words,
        scope=scope,
        changes_work=False,
        changes_capacity=True,
        neighbours=True,
        label=lambda key: "" if getattr(key, name) == 1 else f"{letter}{getattr(key, name)}",
        words=lambda key: "" if getattr(key, name) == 1 else f"{getattr(key, name)} {words}",
        flag=Flag(name=f"--{name}", metavar="N", help=flag_help, default="1", read=_whole_numbers(at_most)),
    )


def _whole_numbers(at_most: int) -> Callable[[Sequence[str]], list[int]]:
    """A reader of comma lists of whole numbers from 1."""

    def read(texts: Sequence[str]) -> list[int]:
        words = [word for text in texts for part in text.split(",") if (word := part.strip())]
        for word in words:
            if not (word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= at_most):
                raise ValueError(f"{word!r} is not a whole number from 1 to {at_most}")
        return list(dict.fromkeys(map(int, words)))

    return read
