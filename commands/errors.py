"""Exit codes, and errors that end a command with one line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every `python -m …`."""

    FINE = 0
    REGRESSION = 1
    USAGE = 2
    UNTRUSTED = 3
    """A measurement failed or cannot be trusted."""
    BUG = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command with one line on stderr: what was wrong, where, and what to do."""

    exit_code = ExitCode.USAGE


class UsageError(CommandError):
    """A flag, a variable or a file is invalid."""


class UntrustedMeasurement(CommandError):
    """A measurement failed or cannot be trusted."""

    exit_code = ExitCode.UNTRUSTED
