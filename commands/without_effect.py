"""Flags that have no effect beside what else was given are refused, because who gives one expects something of it.

Each program declares all of them in one table. A flag counts as given when it stands on the command line; a variable of
the environment is meant for many commands.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.errors import UsageError


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was given to a command."""

    values: Mapping[str, Any]
    """The value of each parameter by its name: a flag as it is written, or the name of an argument."""
    given: frozenset[str]
    """The names of those that stand on the command line."""

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter, given or by default; None where the command has none of this name."""
        return self.values.get(name)

    def has(self, *names: str) -> bool:
        """Whether one of these was given or, as a switch in the environment, is set."""
        return any(name in self.given or self.values.get(name) is True for name in names)


Condition = Callable[[CommandLine], bool]


@dataclass(frozen=True, slots=True)
class WithoutEffect:
    """Flags that have no effect under a condition."""

    flags: Sequence[str]
    reason: str
    """Goes on after `--flag has no effect `. `{protocol}` stands for the argument of that name."""
    when: Condition


def beside(*flags: str) -> Condition:
    """Where one of these was given."""
    return lambda line: line.has(*flags)


def without(*flags: str) -> Condition:
    """Where none of these was given."""
    return lambda line: not line.has(*flags)


def refuse(rows: Iterable[WithoutEffect], line: CommandLine) -> None:
    """Raise UsageError for the first flag that was given and has no effect."""
    for row in rows:
        for flag in row.flags:
            if flag in line.given and row.when(line):
                raise UsageError(f"{flag} has no effect {row.reason.format_map(line.values)}")
