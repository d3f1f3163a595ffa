"""Exit codes, and the errors that end a command with one line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What `python -m …` promises to its caller."""

    FINE = 0
    REGRESSION = 1
    USAGE = 2
    UNTRUSTED = 3
    """Something was measured that cannot be trusted, or could not be measured."""
    BUG = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command with one line on stderr. The text names what was wrong, where, and what would do."""

    exit_code = ExitCode.USAGE


class UsageError(CommandError):
    """A flag, a variable or a file that cannot be used as given."""


class UntrustedMeasurement(CommandError):
    """A measurement failed, or cannot be believed."""

    exit_code = ExitCode.UNTRUSTED
